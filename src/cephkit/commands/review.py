"""``cephkit review``: a page on which people check, correct, calibrate and measure landmarks."""

import secrets
import threading
import webbrowser
from collections.abc import Iterator, Mapping
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
from cephkit.settings.options import SEVERAL, DataPaths, Device, SecondStage, Views, between
from cephkit.settings.reading import parse
from cephkit.training.lock import owning

if TYPE_CHECKING:
    from cephkit.inference.model import Model
    from cephkit.review.datasets import ListedDataset
    from cephkit.review.films import ReviewFilm
    from cephkit.review.predicting import Predictions
    from cephkit.review.session import ReviewSession

MISSING_PAGE = "the page is not part of this installation (the npm registry could not be reached when it was built)"


@dataclass(frozen=True, kw_only=True)
class ReviewOptions(SecondStage, Views, Device, DataPaths, FilmFiles):
    """Check, correct, calibrate and measure landmarks on a page in the browser; nothing leaves this machine.

    Every edit is on disk before the page says so. Research use only; not a medical device.
    """

    films: Path | None = None
    """Folder of the films to review."""
    dataset_path: tuple[Path, ...] = ()
    """Data set to review with its labels, in any layout of docs/data.md; several of them, or a YAML list of several."""
    landmarks: str | None = None
    """Landmarks to show: aariz, isbi2015, cl_detection2023, or a YAML file; default: those of data set and model."""
    predictions: Path | None = None
    """What cephkit predict wrote for these films; with --checkpoint the films are predicted while you review."""
    out: Path = Path("review")
    """Folder for journals, labels, and a data set of the confirmed films; created if it does not exist."""
    in_place: bool = False
    """With one data set in the Aariz layout: replace its labels too; their first versions are kept in --out."""
    reviewer: str = ""
    """Your name in the journal; the page can change it."""
    splits: tuple[Split, ...] = ()
    """With --dataset_path: splits to review, e.g. valid test; default: all that it has."""
    doubts: Path | None = None
    """With --dataset_path: the doubts.csv of cephkit check; the films in doubt come first, with what is in doubt."""
    port: Annotated[int, between(0, 65535)] = 0
    """Port of the page; 0: any free one."""
    browser: bool = True
    """Open the page in a browser."""
    language: Literal["auto", "en", "fa"] = "auto"
    """Language of the page; auto: the browser's."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if (self.films is None) == (not self.dataset_path):
            yield "give either --films FOLDER or --dataset_path FOLDER"
        if self.checkpoint and self.predictions is not None:
            yield "--checkpoint and --predictions both say where landmarks are; give one of them"
        if not self.dataset_path and (self.in_place or self.splits or self.splits_from is not None):
            yield "--in_place, --splits and --splits_from are for --dataset_path"
        if not self.dataset_path and self.doubts is not None:
            yield "--doubts is for --dataset_path"
        if self.dataset_path and self.recursive:
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
    given = _given(options)
    about = {} if options.about is None else read_about(options.about)
    for line in about_lines(about, given.paths):
        print(line)
    with owning({"--out": options.out}, print):
        session = _session(options, given, about)
        listener = listening(options.port)
        port, token = listener.getsockname()[1], secrets.token_urlsafe(32)
        address = f"http://{HOST}:{port}/?token={token}"

        def ready() -> None:
            print(f"{len(session.films)} film(s); every change is saved in {options.out}; Ctrl-C ends the server")
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


@dataclass(frozen=True)
class _Given:
    """What is to be reviewed: the films of a folder, or data sets."""

    name: str
    films: tuple[Path, ...] = ()
    datasets: "tuple[ListedDataset, ...]" = ()

    @property
    def paths(self) -> list[Path]:
        """The films."""
        return [*self.films, *(film.path for dataset in self.datasets for film in dataset.films)]


def _given(options: ReviewOptions) -> _Given:
    """List the films.

    Raises:
        CephkitError: there are none, or they would mix with the results.
    """
    if options.films is not None:
        _check_out(options.out, options.films)
        paths = films_in(options.films, recursive=options.recursive, leave_out=[options.out], notify=print)
        return _Given(options.films.resolve().name, tuple(paths))
    from cephkit.data.aariz import AarizFolder
    from cephkit.datasets.find import find_parts
    from cephkit.review.datasets import listed_dataset

    parts = find_parts(options)
    for part in parts.values():
        _check_out(options.out, part.source.root)
        if options.in_place and not (len(parts) == 1 and isinstance(part.source, AarizFolder)):
            what = "several data sets" if len(parts) > 1 else f"{part.source.root}, which is in another layout"
            raise SettingsError(f"--in_place is for one data set in the Aariz layout, not for {what}; leave it out")
    datasets = []
    for name, part in parts.items():
        datasets.append(listed_dataset(name, part.source, options.splits))
        for note in datasets[-1].notes:
            print(note if len(parts) == 1 else f"{name}: {note}")
    return _Given(SEVERAL.join(parts), datasets=tuple(datasets))


def _session(options: ReviewOptions, given: _Given, about: Mapping[str, About]) -> "ReviewSession":
    from cephkit.landmarks.shipped import KNOWN, named_schema
    from cephkit.review.doubted import with_doubts
    from cephkit.review.films import Source, films_of_datasets, films_of_folder
    from cephkit.review.predicted_files import ReadPredictions, schema_in_files
    from cephkit.review.predicting import ModelPredictions
    from cephkit.review.schema import KeptSchema, session_schema
    from cephkit.review.session import ReviewSession

    chosen = None if options.landmarks is None else named_schema(options.landmarks)
    names = chosen or KNOWN
    model = _model(options)
    others = [KeptSchema(options.out).schema]
    if model is not None:
        others.append(model.schema)
    elif options.predictions is not None:
        others.append(schema_in_files(options.predictions, names))
    schema = session_schema(chosen, [dataset.schema for dataset in given.datasets], others)
    films: list[ReviewFilm]
    if options.films is not None:
        films = films_of_folder(given.films, options.films, about, options.spacing)
    else:
        films = films_of_datasets(given.datasets, schema, about, options.spacing)
    if options.doubts is not None:
        films = with_doubts(films, options.doubts, [dataset.name for dataset in given.datasets])
        print(f"{sum(bool(film.doubts) for film in films)} film(s) in doubt come first")
    predictions: Predictions | None = None
    if model is not None:
        predictions = ModelPredictions(films, options.out / "predictions", model, options.digest(model))
    elif options.predictions is not None:
        predictions = ReadPredictions(films, options.predictions, names)
    return ReviewSession(
        films, options.out, Source("dataset" if given.datasets else "films", given.name), predictions, options.reviewer,
        given.datasets[0].root if options.in_place else None, schema,
    )  # fmt: skip


def _model(options: ReviewOptions) -> "Model | None":
    if not options.checkpoint:
        return None
    from cephkit.inference.model import load_model  # torch, which films without a model do not need

    model = load_model(
        options.checkpoint, device=options.device, tta=options.tta, refine=options.refine, notify=print,
        ignore_bad_pixel_size=options.ignore_bad_pixel_size,
    )  # fmt: skip
    if model.predictor.rests_on:
        print(f"expected errors are based on {model.predictor.rests_on}")
    return model
