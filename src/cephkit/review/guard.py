"""Who may ask: requests of this machine's own page, with the token of the terminal, and nothing too large."""

import hmac
from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 2**20
SAFE = ("GET", "HEAD")
CSP = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""On every answer that does not bring its own."""
REFUSED = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>cephkit review</title></head>
<body><h1>This address is incomplete</h1>
<p>Use the whole address that <code>cephkit review</code> shows in the terminal; it ends in <code>?token=...</code></p>
</body></html>
"""


class _TooLargeError(Exception):
    """The body is larger than allowed."""


class Guard:
    """ASGI middleware; see above.

    Args:
        app: what answers requests that may pass.
        token: of this server.
        port: that it listens on.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self.token, self.cookie = app, token, f"cephkit_{port}"
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        sent = _with_headers(send)
        answer = self._refusal(scope)
        if answer is not None:
            await answer(scope, receive, sent)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await sent(message)

        try:
            await self.app(scope, _bounded(receive), watched)
        except _TooLargeError:
            if not started:
                await _error(413, f"a request may have {LARGEST_BODY} bytes at most")(scope, receive, sent)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that may not pass; None to one that may."""
        headers, method = Headers(scope=scope), scope["method"]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return _error(400, "the host of this request is not this server")
        same = headers.get("sec-fetch-site") in (None, "same-origin", "none")
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{hosts[0].lower()}":
            return _error(403, "the origin of this request is not this server")
        if scope["path"] == "/" and method == "GET":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
            if given is not None:
                return self._welcome() if self._matches(given) else HTMLResponse(REFUSED, 403)
        elif not same:
            return _error(403, "this request comes from another site")
        if method not in SAFE and origin is None and headers.get("sec-fetch-site") != "same-origin":
            return _error(403, "a change must say where it comes from: Origin or Sec-Fetch-Site")
        if not self._matches(_cookies(headers.getlist("cookie"), self.cookie)):
            return HTMLResponse(REFUSED, 403)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > LARGEST_BODY:
            return _error(413, f"a request may have {LARGEST_BODY} bytes at most")
        return None

    def _welcome(self) -> Response:
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def _matches(self, given: Iterable[str]) -> bool:
        return any(hmac.compare_digest(each.encode(), self.token.encode()) for each in given)


def _cookies(headers: Iterable[str], name: str) -> list[str]:
    """Return what cookies of this name hold.

    Other servers on this machine set cookies of any form for 127.0.0.1, so ours must not depend on theirs.
    """
    pairs = [pair.partition("=") for header in headers for pair in header.split(";")]
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def _error(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent


def _bounded(receive: Receive) -> Receive:
    total = 0

    async def received() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > LARGEST_BODY:
            raise _TooLargeError
        return message

    return received
