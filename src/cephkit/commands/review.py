"""``cephkit review``: a page on which people check, correct, calibrate and measure landmarks."""

import secrets
import threading
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cephkit.commands.film_options import FilmFiles
from cephkit.data.about import About, about_lines, read_about
from cephkit.data.film import SPLITS, Split
from cephkit.data.folder import films_in
from cephkit.data.machines import FILE_NAME
from cephkit.errors import CephkitError, SettingsError
from cephkit.notice import NOTICE
from cephkit.review.edits import LONGEST_NAME
from cephkit.settings.options import Device, SecondStage, Views, between
from cephkit.settings.reading import parse
from cephkit.training.lock import owning

if TYPE_CHECKING:
    from cephkit.review.films import ReviewFilm
    from cephkit.review.predicting import Predictions
    from cephkit.review.session import ReviewSession

MISSING_PAGE = "the page is not part of this installation (the npm registry could not be reached when it was built)"


@dataclass(frozen=True, kw_only=True)
class ReviewOptions(SecondStage, Views, Device, FilmFiles):
    """Check, correct, calibrate and measure landmarks on a page in the browser; nothing leaves this machine.

    Every edit is on disk before the page says so. Research use only; not a medical device.
    """

    films: Path | None = None
    """Folder of the films to review."""
    dataset_path: Path | None = None
    """Data set in the Aariz layout to review, with its labels."""
    predictions: Path | None = None
    """What cephkit predict wrote for these films; with --checkpoint the films are predicted while you review."""
    out: Path = Path("review")
    """Folder for journals, labels, and a data set of the confirmed films; created if it does not exist."""
    in_place: bool = False
    """With --dataset_path: replace its own labels too; their first versions are kept in the folder --out."""
    reviewer: str = ""
    """Your name in the journal; the page can change it."""
    splits: tuple[Split, ...] = ()
    """With --dataset_path: splits to review, e.g. valid test; default: all that it has."""
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
        if self.checkpoint and self.predictions is not None:
            yield "--checkpoint and --predictions both say where landmarks are; give one of them"
        if self.dataset_path is None and (self.in_place or self.splits):
            yield "--in_place and --splits are for --dataset_path"
        if self.dataset_path is not None and self.recursive:
            yield "--recursive is for --films"
        if len(self.reviewer) > LONGEST_NAME:
            yield f"--reviewer may have {LONGEST_NAME} letters at most, got {len(self.reviewer)}"


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
            MISSING_PAGE,
            "install cephkit again where that registry can be reached, or install its wheel, which holds the page",
        )
    given = options.films or options.dataset_path
    assert given is not None
    _check_out(options.out, given)
    about = {} if options.about is None else read_about(options.about)
    films = _films(options, about)
    for line in about_lines(about, [film.path for film in films]):
        print(line)
    with owning({"--out": options.out}, print):
        session = _session(options, films, given.resolve().name)
        listener = listening(options.port)
        port, token = listener.getsockname()[1], secrets.token_urlsafe(32)
        address = f"http://{HOST}:{port}/?token={token}"

        def ready() -> None:
            print(f"{len(films)} film(s); every change is saved in {options.out}; Ctrl-C ends the server")
            print(NOTICE)
            print(address, flush=True)
            if options.browser:
                threading.Thread(target=open_browser, args=(address,), daemon=True).start()

        try:
            serve(build_app(session, token, port, options.language, STATIC), listener, ready)
        finally:
            session.close()
    return 0


def _check_out(out: Path, given: Path) -> None:
    """Check that the data set of confirmed films, which is written to ``out``, replaces nobody's films or labels.

    Raises:
        SettingsError: it would.
    """
    if given.resolve().is_relative_to(out.resolve()):
        raise SettingsError(f"{given}: films and results would mix; choose another --out")
    there = [name for name in (FILE_NAME, *SPLITS) if (out / name).exists()]
    if there and not (out / "journal").is_dir():
        raise SettingsError(f"contains {there[0]}, but not from a review; choose another --out", path=out)


def open_browser(address: str) -> None:
    """Open the page in the user's browser, but not in one that would take the terminal over."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if type(browser) is not webbrowser.GenericBrowser:
        browser.open(address)


def _films(options: ReviewOptions, about: Mapping[str, About]) -> "list[ReviewFilm]":
    from cephkit.data.aariz import has_split, list_aariz
    from cephkit.review.films import films_of_dataset, films_of_folder

    if options.films is not None:
        paths = films_in(options.films, recursive=options.recursive, leave_out=[options.out], notify=print)
        return films_of_folder(paths, options.films, about, options.spacing)
    root = options.dataset_path
    assert root is not None
    splits = options.splits or tuple(split for split in SPLITS if has_split(root, split)) or SPLITS
    folder = list_aariz(root, splits)
    if not folder.films:
        raise SettingsError("contains no film", path=root)
    for note in folder.notes:
        print(note)
    return films_of_dataset(folder, root, about, options.spacing)


def _session(options: ReviewOptions, films: "Sequence[ReviewFilm]", name: str) -> "ReviewSession":
    from cephkit.review.films import Source
    from cephkit.review.session import ReviewSession

    return ReviewSession(
        films, options.out, Source("films" if options.films is not None else "dataset", name),
        _predictions(options, films), options.reviewer, options.dataset_path if options.in_place else None,
    )  # fmt: skip


def _predictions(options: ReviewOptions, films: "Sequence[ReviewFilm]") -> "Predictions | None":
    from cephkit.review.predicted_files import ReadPredictions
    from cephkit.review.predicting import ModelPredictions

    if options.predictions is not None:
        return ReadPredictions(films, options.predictions)
    if not options.checkpoint:
        return None
    from cephkit.inference.model import load_model  # torch, which films without a model do not need

    model = load_model(
        options.checkpoint, device=options.device, tta=options.tta, refine=options.refine, notify=print,
        ignore_bad_pixel_size=options.ignore_bad_pixel_size,
    )  # fmt: skip
    if model.predictor.rests_on:
        print(f"expected errors are based on {model.predictor.rests_on}")
    return ModelPredictions(films, options.out / "predictions", model, options.digest(model))
