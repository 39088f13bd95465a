"""The answers of the server, one method an address. What decodes, measures or writes runs in threads."""

import asyncio
import io
import json
from collections.abc import Iterable
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, TypeVar, get_args
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cephkit.cephalometry.sheet import PDF_ENDING, SHEET_ENDING
from cephkit.drawing.landmark_pictures import QUALITY, landmark_picture
from cephkit.drawing.silhouette import silhouettes
from cephkit.errors import FilmError
from cephkit.geometry import Facing
from cephkit.landmarks.shipped import AARIZ
from cephkit.review.described import described
from cephkit.review.marks import parse_points
from cephkit.review.numbers import asked_standing, measured, numbers, parse_analyses
from cephkit.review.outputs import export, landmarks_csv, measured_film, measurements_csv, readable, sheet
from cephkit.review.parsing import EditError
from cephkit.review.pixels import FilmPixels, stamp
from cephkit.review.session import ReviewSession
from cephkit.review.thumbnails import version

Result = TypeVar("Result")

FOR_EVER = "private, max-age=31536000, immutable"
REVALIDATED = "private, no-cache"
SHEET_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-modals"
"""A sheet brings its own styles; it may run nothing."""


class Json(JSONResponse):
    """JSON in ASCII: the name of a file may hold half characters, which UTF-8 cannot."""

    def render(self, content: Any) -> bytes:
        """Return ``content`` as bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Answers:
    """Answers about one session.

    Args:
        session: what is reviewed.
        language: of the page: auto, en or fa.
    """

    def __init__(self, session: ReviewSession, language: str = "auto") -> None:
        self.session, self.language = session, language

    def routes(self) -> list[Route]:
        """Return all addresses."""
        film = "/api/films/{n:int}"
        return [
            Route("/api/session", self.describe),
            Route("/api/films", self.films),
            Route("/api/films/changes", self.changes),
            Route(film, self.film),
            Route(f"{film}/tiles/{{level:int}}/{{row:int}}/{{column:int}}", self.tile),
            Route(f"{film}/thumbnail", self.thumbnail),
            Route(f"{film}/edits", self.edit, methods=["POST"]),
            Route(f"{film}/measure", self.measure, methods=["POST"]),
            Route(f"{film}/find", self.find, methods=["POST"]),
            Route(f"{film}/sheet.html", self.sheet),
            Route(f"{film}/sheet.pdf", self.sheet_pdf),
            Route(f"{film}/landmarks.csv", self.film_landmarks),
            Route(f"{film}/measurements.csv", self.film_measurements),
            Route("/api/landmarks.csv", self.all_landmarks),
            Route("/api/measurements.csv", self.all_measurements),
            Route("/api/export", self.export, methods=["POST"]),
            Route("/api/outlines", self.outlines),
            Route("/api/landmarks/{symbol}.jpg", self.landmark),
        ]

    async def describe(self, request: Request) -> Response:
        """Answer with what the page needs to know once."""
        return Json(described(self.session, self.language))

    async def films(self, request: Request) -> Response:
        """Answer with the rows of all films."""
        return Response(self.session.rows.to_json(), media_type="application/json")

    async def changes(self, request: Request) -> Response:
        """Answer with the rows that changed since a revision."""
        since = _digits(request.query_params.get("since", "0"), "since")
        return Response(self.session.rows.to_json(since), media_type="application/json")

    async def film(self, request: Request) -> Response:
        """Answer with all about a film, and decode the one that is probably next."""
        n = self._number(request)
        await self._decoded(n)
        state = await run_in_threadpool(self.session.film_state, n)
        following = _digits(request.query_params.get("next", str(n + 1)), "next")
        if following < len(self.session.films):
            self.session.pixels.prefetch(following)
        return Json(state)

    async def tile(self, request: Request) -> Response:
        """Answer with the pixels of a tile."""
        film = await self._decoded(self._number(request))
        if request.query_params.get("h", film.facts.hash) != film.facts.hash:
            raise HTTPException(409, "the film's file holds another picture now; load the film again")
        level, row, column = (request.path_params[name] for name in ("level", "row", "column"))
        tile = film.tile(level, row, column)
        if tile is None:
            raise HTTPException(404, "there is no such tile")
        return Response(tile, media_type="application/octet-stream", headers={"cache-control": FOR_EVER})

    async def thumbnail(self, request: Request) -> Response:
        """Answer with a small JPEG of a film."""
        n = self._number(request)
        made = stamp(self.session.films[n].path)
        headers = {"cache-control": REVALIDATED} | ({} if made is None else {"etag": f'"{version(made)}"'})
        if request.headers.get("if-none-match") == headers.get("etag", ""):
            return Response(status_code=304, headers=headers)
        picture = await self._waited(n, self.session.thumbnails.future(n))
        return Response(picture, media_type="image/jpeg", headers=headers)

    async def edit(self, request: Request) -> Response:
        """Save an edit."""
        n, content = self._number(request), await _body(request)
        revision, warning = await run_in_threadpool(self.session.edit, n, content)
        return Json({"revision": revision, **({"warning": warning} if warning else {})})

    async def measure(self, request: Request) -> Response:
        """Answer with the measurements of a face that need not be saved."""
        n, content = self._number(request), await _body(request)

        def answer() -> dict[str, Any]:
            size, analyses = self.session.desks.identity(n).size, parse_analyses(content.get("analyses"))
            standing = asked_standing(content, size, self.session.desks.get(n).schema)
            return numbers(measured(self.session.desks.record(n, standing), standing.subject, analyses))

        return Json(await run_in_threadpool(answer))

    async def find(self, request: Request) -> Response:
        """Answer with the landmarks that are not held, found anew."""
        n, content = self._number(request), await _body(request)
        if not self.session.predictions.has_model:
            raise HTTPException(409, "there is no model to ask; start cephkit review with --checkpoint")

        def answer() -> dict[str, Any]:
            size, schema = self.session.seen(n, content).size, self.session.desks.get(n).schema
            held = parse_points(content.get("held"), size, schema)
            found = self.session.find_again(n, held)
            return {"points": {symbol: mark.to_dict() for symbol, mark in found.items()}}

        return Json(await run_in_threadpool(answer))

    async def sheet(self, request: Request) -> Response:
        """Answer with the sheet of a film, to read and to print."""
        name, page = await self._sheet(request, SHEET_ENDING)
        return _file(page, name, "text/html", SHEET_CSP)

    async def sheet_pdf(self, request: Request) -> Response:
        """Answer with the same as PDF."""
        name, page = await self._sheet(request, PDF_ENDING)
        return _file(page, name, "application/pdf")

    async def _sheet(self, request: Request, ending: str) -> tuple[str, bytes]:
        n = self._number(request)
        analyses = parse_analyses(request.query_params.getlist("analyses"))
        page = await run_in_threadpool(sheet, self.session, n, ending, analyses)
        return f"{self.session.films[n].film_id}{ending}", page

    async def film_landmarks(self, request: Request) -> Response:
        """Answer with a film's landmarks as CSV."""
        n = self._number(request)
        table = await run_in_threadpool(landmarks_csv, self.session, [n])
        return _file(table, f"{self.session.films[n].film_id}_landmarks.csv", "text/csv")

    async def film_measurements(self, request: Request) -> Response:
        """Answer with a film's measurements as CSV."""
        n = self._number(request)
        await run_in_threadpool(measured_film, self.session, n)  # an error must come before the first line
        table = await run_in_threadpool(lambda: b"".join(measurements_csv(self.session, [n])))
        return _file(table, f"{self.session.films[n].film_id}_measurements.csv", "text/csv")

    async def all_landmarks(self, request: Request) -> Response:
        """Answer with the landmarks of all films that have some, as CSV."""
        table = await run_in_threadpool(lambda: landmarks_csv(self.session, readable(self.session)[0]))
        return _file(table, "landmarks.csv", "text/csv")

    async def all_measurements(self, request: Request) -> Response:
        """Answer with the measurements of all films that have landmarks, as CSV; they are measured on the way."""
        films, _ = await run_in_threadpool(readable, self.session)
        return _file(measurements_csv(self.session, films), "measurements.csv", "text/csv")

    async def export(self, request: Request) -> Response:
        """Write files for another tool."""
        content = await _body(request)
        return Json(await run_in_threadpool(export, self.session, content))

    async def outlines(self, request: Request) -> Response:
        """Answer with the outlines of a face as weights of its landmarks."""
        facing = request.query_params.get("facing", "right")
        if facing not in get_args(Facing):
            raise HTTPException(422, f"facing is {facing!r:.40}, expected right or left")
        given = request.query_params.get("present", "").split(",")
        present = AARIZ.in_order(symbol for symbol in given if symbol in AARIZ)
        text = await run_in_threadpool(_outlines, present, facing)
        return Response(text, media_type="application/json")

    async def landmark(self, request: Request) -> Response:
        """Answer with a picture of where a landmark lies."""
        symbol = request.path_params["symbol"]
        if symbol not in AARIZ:
            raise HTTPException(404, f"there is no landmark {symbol!r:.40}")
        picture = await run_in_threadpool(_landmark_jpeg, symbol)
        return Response(picture, media_type="image/jpeg", headers={"cache-control": "private, max-age=86400"})

    def _number(self, request: Request) -> int:
        n: int = request.path_params["n"]
        if n >= len(self.session.films):
            raise HTTPException(404, f"there is no film {n}")
        return n

    async def _decoded(self, n: int) -> FilmPixels:
        return await self._waited(n, self.session.pixels.future(n))

    async def _waited(self, n: int, future: "Future[Result]") -> Result:
        """Wait for what comes from a film's picture; note in the list if that cannot be read."""
        try:
            return await asyncio.wrap_future(future)
        except FilmError as error:
            self.session.rows.update(n, broken=error.advice)
            raise


async def _body(request: Request) -> dict[str, Any]:
    """Return the object in a request.

    Raises:
        EditError: it is not JSON, or not an object.
    """
    try:
        content = json.loads(await request.body(), parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise EditError(f"not JSON: {error!s:.80}") from error
    if not isinstance(content, dict):
        raise EditError(f"{content!r:.40}, expected an object")
    return content


def _not_json(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _digits(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise HTTPException(422, f"{name} is {text!r:.40}, expected a whole number")
    return int(text)


def _file(content: bytes | Iterable[bytes], name: str, kind: str, csp: str = "") -> Response:
    """Return a file with its name; one that is not text is saved by the browser."""
    place = "inline" if csp else "attachment"
    quoted = quote(name.encode("utf-8", "replace"))
    headers = {"content-disposition": f"{place}; filename*=UTF-8''{quoted}"}
    if csp:
        headers["content-security-policy"] = csp
    if isinstance(content, bytes):
        return Response(content, media_type=kind, headers=headers)
    return StreamingResponse(content, media_type=kind, headers=headers)


@lru_cache(maxsize=64)
def _outlines(present: tuple[str, ...], facing: Facing) -> bytes:
    return json.dumps({"outlines": [each.to_dict() for each in silhouettes(present, facing)]}).encode()


@lru_cache(maxsize=len(AARIZ))
def _landmark_jpeg(symbol: str) -> bytes:
    file = io.BytesIO()
    landmark_picture(symbol).save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()
