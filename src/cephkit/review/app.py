"""The application: the page, the answers to what it asks, and a guard before both."""

import contextlib
import errno
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from cephkit.errors import CephkitError
from cephkit.review.answers import Answers, Json
from cephkit.review.guard import Guard
from cephkit.review.journal import OtherFilmError, UnsavedError
from cephkit.review.session import ConflictError, ReviewSession

STATIC = Path(__file__).with_name("static")
"""The built page."""
FONTS = Path(__file__).parents[1] / "fonts"
"""Of Persian text, which not every machine has."""
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".ttf": "font/ttf"}
"""Of the page's files: another program may have told Windows otherwise, and browsers run no script of another kind."""
DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
PLACEHOLDER = "<!doctype html><title>cephkit review</title><p>The page is not part of this installation.</p>"


def build_app(
    session: ReviewSession, token: str, port: int, language: str = "auto", static: Path = STATIC
) -> Starlette:  # fmt: skip
    """Return the application.

    Args:
        session: what is reviewed.
        token: that the first address must carry.
        port: that the server listens on.
        language: of the page: auto, en or fa.
        static: the built page; without it there is a placeholder.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        session.start()
        yield
        session.close()

    return Starlette(
        routes=[*Answers(session, language).routes(), Mount("/fonts", StaticFiles(directory=FONTS)), _page(static)],
        middleware=[Middleware(Guard, token=token, port=port)],
        exception_handlers={CephkitError: _refused, HTTPException: _http_error, Exception: _fault},
        lifespan=lifespan,
    )


def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, ConflictError):
        return Json({"error": str(error), "film": error.film}, 409)
    return Json({"error": str(error)}, _status(error))


def _status(error: Exception) -> int:
    if isinstance(error, OtherFilmError):
        return 409
    cause = error.__cause__
    is_full = isinstance(cause, OSError) and cause.errno in DISK_FULL
    return 507 if is_full or isinstance(error, UnsavedError) else 422


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Json({"error": error.detail}, error.status_code, error.headers)


def _fault(request: Request, error: Exception) -> Response:
    return Json({"error": f"a fault of cephkit: {type(error).__name__}; its trace is in the terminal"}, 500)


def _page(static: Path) -> BaseRoute:
    for ending, kind in KINDS.items():
        mimetypes.add_type(kind, ending)
    if not (static / "index.html").is_file():
        return Route("/", _placeholder)
    return Mount("/", StaticFiles(directory=static, html=True))


async def _placeholder(request: Request) -> Response:
    return HTMLResponse(PLACEHOLDER)
