"""Listens on this machine alone until Ctrl-C or SIGTERM."""

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from cephkit.errors import CephkitError

HOST = "127.0.0.1"
GRACE_S = 1
"""Seconds that a request in progress has at the end."""


def listening(port: int = 0) -> socket.socket:
    """Return a socket that listens on 127.0.0.1; port 0 chooses a free one.

    Raises:
        CephkitError: the port is in use, or may not be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where another program could take the port over
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise CephkitError(
            f"--port {port} cannot be used ({error.strerror or error})", "choose another, or leave it out"
        ) from error
    return listener


def serve(app: ASGIApp, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until the process is asked to stop; ``ready`` is called once requests are answered.

    Raises:
        KeyboardInterrupt: Ctrl-C or, as ``interrupt.Terminated``, SIGTERM.
    """
    config = uvicorn.Config(
        app, http="h11", ws="none", loop="asyncio", access_log=False, log_config=None, server_header=False,
        timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=75,
    )  # fmt: skip
    server = _Server(config, ready)
    with listener:
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
