"""``cephkit predict``: films in, landmarks and pictures out."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from cephkit.commands.film_options import FilmOptions
from cephkit.data.about import about_lines, read_about
from cephkit.data.folder import films_in
from cephkit.data.kinds import is_dicom_directory
from cephkit.data.opened import read_head
from cephkit.errors import SettingsError
from cephkit.notice import NOTICE
from cephkit.screen import ProgressBar
from cephkit.settings.options import Compute, SecondStage, Views, at_least
from cephkit.settings.reading import parse

CARD_BATCH = 4
"""Default films per pass on a card; on a CPU a pass of one is as fast."""
MOST_WORKERS = 4
MOST_PROBLEMS = 20
"""On the screen; the file has all."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions(SecondStage, Views, Compute, FilmOptions):
    """Find the landmarks of films: a JSON file and an overlay picture per film, and one landmarks.csv.

    Re-run to resume. Research use only; not a medical device.
    """

    films: tyro.conf.Positional[tuple[Path, ...]]
    """Films (PNG, JPEG, BMP, TIFF, WebP, DICOM), or folders of films, whatever their names end in."""
    checkpoint: tuple[Path, ...] = field()
    """A checkpoint_*.pth or its folder, a published folder, or hf:owner/name; several are averaged."""
    out: Path = Path("predictions")
    """Folder for the results; created if it does not exist."""
    keep_doubtful: bool = False
    """Write landmarks even for pictures that do not look like a lateral cephalogram; otherwise they are not found."""
    overlay: bool = True
    """Draw the landmarks on each film."""
    batch_size: Annotated[int | None, at_least(1)] = None
    """Films per forward pass; default: 4 on a card, 1 on a CPU."""
    num_workers: Annotated[int | None, at_least(0)] = None
    """Threads that read films ahead and draw overlays; default: one per core, at most 4."""

    def __post_init__(self) -> None:
        self.separate_films("films")
        super().__post_init__()

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if not self.checkpoint:
            yield "--checkpoint needs a checkpoint_*.pth of cephkit train"
        if not self.films:
            yield "no film; give files or folders, e.g. cephkit predict FILM.png ..."


def main(argv: list[str]) -> int:
    """Run ``cephkit predict``; the status is 0, or 1 if a film could not be read or none of its landmarks was found.

    Raises:
        CephkitError: nothing could be done, e.g. there is no such checkpoint.
    """
    return predict(parse(PredictOptions, argv, "cephkit predict"))


def predict(options: PredictOptions) -> int:
    """Find the landmarks of all films; see ``main``."""
    from cephkit.inference.model import load_model  # torch, which help and wrong settings do not need
    from cephkit.inference.results import PROBLEMS, ResultFolder, Work

    files = film_files(options.films, options.out, options.recursive)
    about = {} if options.about is None else read_about(options.about)
    for line in about_lines(about, files):
        print(line)
    model = load_model(
        options.checkpoint, device=options.device, tta=options.tta, refine=options.refine, notify=print,
        mixed_precision=options.mixed_precision, keep_doubtful=options.keep_doubtful,
        ignore_bad_pixel_size=options.ignore_bad_pixel_size,
    )  # fmt: skip
    run = options.digest(model, half=options.mixed_precision, doubtful=options.keep_doubtful)
    results = ResultFolder(options.out, files, run, options.resume)
    facts, device = model.facts, model.predictor.device
    height, width = facts["image_size"]
    print(f"{len(files)} film(s), {len(model.symbols)} landmarks, {facts['model']} at {height}x{width} on {device}")
    if model.predictor.rests_on:
        print(f"expected errors are based on {model.predictor.rests_on}")
    for lack in model.predictor.lacks:
        print(f"{lack}; cephkit calibrate adds it")
    work = Work(
        model, results, spacing=options.spacing, about=about, overlay=options.overlay,
        batch_size=options.batch_size or (1 if device.type == "cpu" else CARD_BATCH),
        workers=min(MOST_WORKERS, os.cpu_count() or 1) if options.num_workers is None else options.num_workers,
    )  # fmt: skip
    problems: list[tuple[str, str]] = []
    existing = without_size = 0
    try:
        with ProgressBar(len(files), "films") as bar:
            for count, done in enumerate(work.all(files), 1):
                existing += done.was_there
                without_size += not done.has_pixel_size
                if done.problem:
                    problems.append((done.file.as_posix(), done.problem))
                bar.update(count)
                if done.line:
                    bar.notify(f"[{count}/{len(files)}] {done.line}")
    except KeyboardInterrupt:
        print(f"stopped; re-run to resume; the results so far are in {results.folder}")
        raise
    finally:
        table = results.write_tables(problems)
    if existing:
        print(f"{existing} film(s) already had results of this model and these settings; --no_resume runs them again")
    if without_size:
        print(f"{without_size} film(s) without a pixel size: no mm; use --pixel_size_mm, --ruler or --about")
    if problems:
        print(f"{len(problems)} of {len(files)} film(s) failed, see {results.folder / PROBLEMS}:")
        for file, problem in problems[:MOST_PROBLEMS]:
            print(f"  {file}: {problem}")
        if len(problems) > MOST_PROBLEMS:
            print(f"  and {len(problems) - MOST_PROBLEMS} more")
    if table is not None:
        print(f"table: {table}")
    print(NOTICE)
    return 1 if problems else 0


def film_files(given: Sequence[Path], out: Path, recursive: bool = False) -> list[Path]:
    """Return the films named by files and folders, each once, folders in order of name; print what is skipped.

    A DICOMDIR stands for its folder.

    Raises:
        SettingsError: a path does not exist, a folder has no film, or is the folder for the results.
    """
    files: list[Path] = []
    for path in given:
        if path.is_file() and is_dicom_directory(read_head(path)):
            path = path.parent
        if not path.is_dir():
            if not path.exists():
                raise SettingsError(f"{path}: there is no such film or folder")
            files.append(path)
        elif path.resolve() == out.resolve():
            raise SettingsError(f"{path}: films and results would mix; choose another --out")
        else:
            files += films_in(path, recursive=recursive, leave_out=[out], notify=print)
    return list({file.resolve(): file for file in files}.values())
