"""The addresses that the page asks: every answer of the server, but who may ask is for ``guard``."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cephkit.errors import CephkitError
from cephkit.review.described import described
from cephkit.review.edits import EditError
from cephkit.review.guard import Guard
from cephkit.review.journal import JournalError
from cephkit.review.session import ConflictError, ReviewSession

STATIC = Path(__file__).with_name("static")
"""The built page."""
FOR_EVER = "private, max-age=31536000, immutable"
PLACEHOLDER = "<!doctype html><title>cephkit review</title><p>The page is not part of this installation.</p>"


class Json(JSONResponse):
    """JSON in ASCII: the name of a file may hold half characters, which UTF-8 cannot."""

    def render(self, content: Any) -> bytes:
        """Return ``content`` as bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def build_app(session: ReviewSession, token: str, port: int, static: Path = STATIC) -> Starlette:
    """Return the application.

    Args:
        session: what is reviewed.
        token: that the first address must carry.
        port: that the server listens on.
        static: the built page; without it there is a placeholder.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        session.start()
        yield
        session.close()

    routes = [*_Answers(session).routes(), _page(static)]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token, port=port)],
        exception_handlers={CephkitError: _refused, HTTPException: _http_error, Exception: _fault},
        lifespan=lifespan,
    )


class _Answers:
    """The answers of one session. What decodes, measures or writes runs in threads."""

    def __init__(self, session: ReviewSession) -> None:
        self.session = session

    def routes(self) -> list[Route]:
        film = "/api/films/{n:int}"
        return [
            Route("/api/session", self.describe),
            Route("/api/films", self.films),
            Route("/api/films/changes", self.changes),
            Route(film, self.film),
            Route(f"{film}/tiles/{{level:int}}/{{row:int}}/{{column:int}}", self.tile),
            Route(f"{film}/edits", self.edit, methods=["POST"]),
        ]

    async def describe(self, request: Request) -> Response:
        return Json(described(self.session))

    async def films(self, request: Request) -> Response:
        return _rows(self.session.rows.to_json())

    async def changes(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not (since.isascii() and since.isdigit()):
            raise HTTPException(422, f"since is {since!r:.40}, expected a revision")
        return _rows(self.session.rows.to_json(int(since[:20])))

    async def film(self, request: Request) -> Response:
        n = self._number(request)
        await self._decoded(n)
        state = await run_in_threadpool(self.session.film_state, n)
        following = request.query_params.get("next", str(n + 1))
        if following.isascii() and following.isdigit() and int(following[:9]) < len(self.session.films):
            self.session.pixels.prefetch(int(following[:9]))
        return Json(state)

    async def tile(self, request: Request) -> Response:
        film = await self._decoded(self._number(request))
        if request.query_params.get("h", film.facts.hash) != film.facts.hash:
            raise HTTPException(404, "the film has changed; load it again")
        level, row, column = (request.path_params[name] for name in ("level", "row", "column"))
        tile = film.tile(level, row, column)
        if tile is None:
            raise HTTPException(404, "there is no such tile")
        return Response(tile, media_type="application/octet-stream", headers={"cache-control": FOR_EVER})

    async def edit(self, request: Request) -> Response:
        n, content = self._number(request), await _body(request)
        await self._decoded(n)
        return Json({"revision": await run_in_threadpool(self.session.edit, n, content)})

    def _number(self, request: Request) -> int:
        n: int = request.path_params["n"]
        if n >= len(self.session.films):
            raise HTTPException(404, f"there is no film {n}")
        return n

    async def _decoded(self, n: int) -> Any:
        try:
            return await asyncio.wrap_future(self.session.pixels.future(n))
        except CephkitError as error:
            self.session.rows.update(n, broken=getattr(error, "advice", str(error)))
            raise


def _rows(text: bytes) -> Response:
    return Response(text, media_type="application/json")


async def _body(request: Request) -> dict[str, Any]:
    """Return the object in a request.

    Raises:
        EditError: it is not JSON, or not an object.
    """
    try:
        content = json.loads(await request.body(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise EditError(f"not JSON: {error!s:.80}") from error
    if not isinstance(content, dict):
        raise EditError(f"{content!r:.40}, expected an object")
    return content


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, ConflictError):
        return Json({"error": str(error), "film": error.film}, 409)
    return Json({"error": str(error)}, 507 if isinstance(error, JournalError) else 422)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Json({"error": error.detail}, error.status_code)


def _fault(request: Request, error: Exception) -> Response:
    return Json({"error": f"a fault of the program: {type(error).__name__}"}, 500)


def _page(static: Path) -> Mount | Route:
    if not (static / "index.html").is_file():
        return Route("/", _placeholder)
    return Mount("/", StaticFiles(directory=static, html=True))


async def _placeholder(request: Request) -> Response:
    return Response(PLACEHOLDER, media_type="text/html")


Answer = Callable[[Request], Any]
