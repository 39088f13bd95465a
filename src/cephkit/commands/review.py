"""``cephkit review``: a page on which people check, correct, calibrate and measure landmarks."""

import secrets
import threading
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cephkit.commands.film_options import FilmOptions
from cephkit.data.about import read_about
from cephkit.data.film import SPLITS, Split
from cephkit.data.folder import films_in
from cephkit.errors import CephkitError
from cephkit.notice import NOTICE
from cephkit.settings.options import Device, SecondStage, Views, between
from cephkit.settings.reading import parse
from cephkit.training.lock import owning

if TYPE_CHECKING:
    from cephkit.review.session import ReviewSession


@dataclass(frozen=True, kw_only=True)
class ReviewOptions(SecondStage, Views, Device, FilmOptions):
    """Check, correct, calibrate and measure landmarks on a page of this machine's browser.

    Every edit is on disk before the page says so. Research use only; not a medical device.
    """

    films: Path | None = None
    """Folder of films to review."""
    dataset_path: Path | None = None
    """Data set in the Aariz layout to review, labels and all."""
    predictions: Path | None = None
    """What cephkit predict wrote for these films, as a start; with --checkpoint the page predicts by itself."""
    out: Path = Path("review")
    """Folder for journals, labels, and a data set of the confirmed films; created if it does not exist."""
    in_place: bool = False
    """Data sets: also replace the labels of the data set itself; their first versions are kept in the folder --out."""
    reviewer: str = ""
    """Name that the journal gives to edits; the page can change it."""
    splits: tuple[Split, ...] = ()
    """Data sets: splits to review, e.g. valid test; default: all that there are."""
    port: Annotated[int, between(0, 65535)] = 0
    """Port of the page; 0: any free one."""
    browser: bool = True
    """Open the page in a browser."""
    language: Literal["auto", "en", "fa"] = "auto"
    """Language of the page; auto: the browser's."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if (self.films is None) == (self.dataset_path is None):
            yield "give either --films FOLDER or --dataset_path FOLDER"


def main(argv: list[str]) -> int:
    """Run ``cephkit review`` until it is interrupted.

    Raises:
        CephkitError: nothing could be served, e.g. there are no films.
    """
    return review(parse(ReviewOptions, argv, "cephkit review"))


def review(options: ReviewOptions) -> int:
    """Serve the page; see ``main``."""
    from cephkit.review.app import STATIC, build_app
    from cephkit.review.serving import HOST, listening, serve

    if not (STATIC / "index.html").is_file():
        raise CephkitError(
            "the page is not part of this installation (the npm registry could not be reached when it was built)",
            "install cephkit again with a connection to it, or run npm ci and npm run build in src/cephkit/review/page",
        )
    with owning({"--out": options.out}, print):
        session = _session(options)
        listener = listening(options.port)
        port, token = listener.getsockname()[1], secrets.token_urlsafe(32)
        address = f"http://{HOST}:{port}/?token={token}"

        def ready() -> None:
            print(f"{len(session.films)} film(s); changes are saved in {options.out}; Ctrl-C ends it")
            print(NOTICE)
            print(address, flush=True)
            if options.browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        serve(build_app(session, token, port), listener, ready)
    return 0


def _session(options: ReviewOptions) -> "ReviewSession":
    from cephkit.data.aariz import has_split, read_aariz
    from cephkit.review.films import films_of_dataset, films_of_folder
    from cephkit.review.session import ReviewSession, Source

    about = {} if options.about is None else read_about(options.about)
    if options.films is not None:
        paths = films_in(options.films, recursive=options.recursive, leave_out=[options.out], notify=print)
        films = films_of_folder(paths, options.films, about, options.spacing)
        return ReviewSession(films, options.out, Source("films", options.films.resolve().name), None, options.reviewer)
    root = options.dataset_path
    assert root is not None
    splits = options.splits or tuple(split for split in SPLITS if has_split(root, split)) or SPLITS
    films = films_of_dataset(read_aariz(root, splits), root, about, options.spacing)
    return ReviewSession(films, options.out, Source("dataset", root.resolve().name), None, options.reviewer)
