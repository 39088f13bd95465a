"""``cephkit COMMAND ...``: finds the command, and turns errors and signals into messages and exit statuses."""

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from cephkit.commands import COMMANDS

USAGE_ERROR = 2


def main(argv: list[str] | None = None) -> int:
    """Run ``cephkit COMMAND ...``; the exit status is 0, 1 if a part failed, 2 for wrong usage or input."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else USAGE_ERROR
    name, *rest = arguments
    if name == "--version":
        from cephkit.notice import VERSION

        print(f"cephkit {VERSION}")
        return 0
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        print(f"cephkit: there is no command {name!r}{hint}\n\n{usage()}", file=sys.stderr)
        return USAGE_ERROR
    return run(COMMANDS[name].main, rest)


def run(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """Return the exit status of ``command(argv)``; an error that the user can act on becomes a message and status 2.

    Ctrl-C ends it with status 130, SIGTERM with 143.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Windows pipe cannot encode every film's name
            stream.reconfigure(errors="replace")
    try:
        return _status_of(command, argv)
    except BrokenPipeError:  # the reader, such as `head`, has closed its end
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            _empty(stream)


def _status_of(command: Callable[[list[str]], int], argv: list[str]) -> int:
    from cephkit import interrupt
    from cephkit.errors import CephkitError
    from cephkit.shortage import SHORTAGES, shortage

    try:
        with interrupt.sigterm_like_ctrl_c():
            return command(argv)
    except interrupt.Stopped as stopped:
        print(stopped)
        return stopped.status
    except KeyboardInterrupt as error:
        terminated = isinstance(error, interrupt.Terminated)
        if interrupt.is_first_process():
            with contextlib.suppress(BrokenPipeError):
                print("terminated" if terminated else "interrupted", file=sys.stderr)
        return interrupt.TERMINATED if terminated else interrupt.INTERRUPTED
    except BrokenPipeError:
        raise
    except CephkitError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR
    except SHORTAGES as error:
        short = shortage(error)
        if short is None:
            raise
        print(f"error: {short}", file=sys.stderr)
        return USAGE_ERROR


def _empty(stream: TextIO) -> None:
    """Write what ``stream`` still holds; if its reader is gone, the interpreter would end with status 120 for that."""
    try:
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def usage() -> str:
    """Return the text of ``cephkit --help``."""
    lines = [
        "usage: cephkit COMMAND [OPTIONS]",
        "",
        "Landmarks on lateral cephalograms, on your own machine.",
        "",
        *(f"  {name:<12}{command.summary}" for name, command in COMMANDS.items()),
        "",
        "cephkit COMMAND --help lists a command's options; cephkit --version prints the version.",
        "Research use only; not a medical device.",
    ]
    return "\n".join(lines)
