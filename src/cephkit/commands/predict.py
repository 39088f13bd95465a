"""``cephkit predict``: films in, landmarks and pictures out."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from cephkit.config import parse
from cephkit.data.about import about_lines, read_about
from cephkit.data.folder import films_in
from cephkit.data.kinds import is_dicom_directory
from cephkit.data.opened import read_head
from cephkit.data.pixels import content_hash
from cephkit.data.spacing import said_spacing
from cephkit.errors import SettingsError
from cephkit.inference.model import Model, load_model
from cephkit.inference.results import PROBLEMS, ResultFolder
from cephkit.inference.work import Work
from cephkit.notice import NOTICE, VERSION
from cephkit.progress import ProgressBar

CARD_BATCH = 4
"""Films per pass on a card, where nothing is said; on a CPU a pass of one is as fast."""
MOST_WORKERS = 4
MOST_PROBLEMS = 20
"""More are in the file, not on the screen."""


@dataclass(frozen=True)
class PredictOptions:
    """Find the landmarks of films: a JSON file and an overlay picture per film, and one landmarks.csv.

    The same command again goes on where it was stopped. Research use only; not a medical device.
    """

    films: tyro.conf.Positional[tuple[Path, ...]]
    """Films (PNG, JPEG, BMP, TIFF, WebP, DICOM), or folders: then every film in them, whatever its ending."""
    checkpoint: tuple[Path, ...]
    """A checkpoint_*.pth of cephkit train, which carries landmarks and input size; or several, to be averaged."""
    recursive: bool = False
    """Search the folders in a folder too; those of a CD with a DICOMDIR are searched anyway."""
    out: Path = Path("predictions")
    """Folder for the results; made where there is none."""
    pixel_size_mm: float | None = None
    """Millimetres per pixel of these films; counts before what a DICOM file says."""
    ruler: tuple[float, float, float, float, float] | None = None
    """The same by a ruler on the films: x1 y1 x2 y2 of two of its marks in pixels, and the mm between them."""
    about: Path | None = None
    """CSV with a row per film: film, pixel_size_mm or a ruler (Aariz's machine map is one); before the flags."""
    tta: bool = False
    """Look at each film several times (turned, scaled, brighter, darker) and average: slower, a little better."""
    refine: bool = True
    """Use the second stage of checkpoints that have one."""
    keep_doubtful: bool = False
    """Write landmarks even of pictures that look like no lateral cephalogram; without it they count as not found."""
    ignore_bad_pixel_size: bool = False
    """Read DICOM films whose own pixel size cannot be one without it; else they are not read."""
    overlay: bool = True
    """Draw the landmarks on each film."""
    resume: bool = True
    """Leave films alone whose results by this model and these settings are there already."""
    batch_size: int | None = None
    """Films per pass through the network; default: 4 on a card, 1 on a CPU."""
    num_workers: int | None = None
    """Threads that read films ahead and draw overlays; default: the machine's cores, at most 4."""
    mixed_precision: bool = False
    """Run the network in half precision."""
    device: str = "cuda"
    """cuda, cuda:1, mps or cpu; without a GPU it says so and goes on with the CPU."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: no film, or a number that cannot be.
        """
        # ``--checkpoint A.pth film.png``: the flag takes all that follows; what is no checkpoint is a film.
        films = tuple(path for path in self.checkpoint[1:] if path.suffix != ".pth")
        object.__setattr__(self, "films", (*self.films, *films))
        object.__setattr__(self, "checkpoint", tuple(path for path in self.checkpoint if path not in films))
        if not self.checkpoint:
            raise SettingsError("cephkit predict: --checkpoint needs a checkpoint_*.pth of cephkit train")
        if not self.films:
            raise SettingsError("cephkit predict: no film; give files or folders, e.g. cephkit predict FILM.png ...")
        said_spacing(self.pixel_size_mm, self.ruler)
        for name, least in (("batch_size", 1), ("num_workers", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise SettingsError(f"--{name} must be {least} or more, got {value}")


def main(argv: list[str]) -> int:
    """Run the command; 0, or 1 where a film could not be read or none of its landmarks was found.

    Raises:
        CephkitError: nothing could be done, e.g. no such checkpoint.
    """
    return predict(parse(PredictOptions, argv, "cephkit predict"))


def predict(options: PredictOptions) -> int:
    """Find the landmarks of all films; see ``main``."""
    files = film_files(options.films, options.out, options.recursive)
    about = {} if options.about is None else read_about(options.about)
    for line in about_lines(about, files):
        print(line)
    model = load_model(
        options.checkpoint, device=options.device, tta=options.tta, refine=options.refine, notify=print,
        mixed_precision=options.mixed_precision, keep_doubtful=options.keep_doubtful,
        ignore_bad_pixel_size=options.ignore_bad_pixel_size,
    )  # fmt: skip
    results = ResultFolder(options.out, files, run_digest(options, model), options.resume)
    facts, device = model.facts, model.predictor.device
    height, width = facts["image_size"]
    print(f"{len(files)} film(s), {len(model.symbols)} landmarks, {facts['model']} at {height}x{width} on {device}")
    if model.predictor.rests_on:
        print(f"errors told rest on {model.predictor.rests_on}")
    for lack in model.predictor.lacks:
        print(f"{lack}; cephkit calibrate makes what is missing")
    work = Work(
        model,
        results,
        spacing=said_spacing(options.pixel_size_mm, options.ruler),
        about=about,
        overlay=options.overlay,
        batch_size=options.batch_size or (1 if device.type == "cpu" else CARD_BATCH),
        workers=min(MOST_WORKERS, os.cpu_count() or 1) if options.num_workers is None else options.num_workers,
    )
    problems: list[tuple[str, str]] = []
    there = without_size = 0
    try:
        with ProgressBar(len(files), "films") as bar:
            for count, done in enumerate(work.all(files), 1):
                there += done.was_there
                without_size += not done.has_pixel_size
                if done.problem:
                    problems.append((done.file.as_posix(), done.problem))
                bar.update(count)
                if done.line:
                    bar.notify(f"[{count}/{len(files)}] {done.line}")
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what is left, results so far are in {results.folder}")
        raise
    finally:
        table = results.write_tables(problems)
    if there:
        print(f"{there} film(s) had results of this model and these settings already; --no_resume makes them anew")
    if without_size:
        print(f"{without_size} film(s) without a pixel size: no mm; give --pixel_size_mm, --ruler or --about")
    if problems:
        print(f"{len(problems)} of {len(files)} film(s) gave nothing, see {results.folder / PROBLEMS}:")
        for file, problem in problems[:MOST_PROBLEMS]:
            print(f"  {file}: {problem}")
        if len(problems) > MOST_PROBLEMS:
            print(f"  and {len(problems) - MOST_PROBLEMS} more")
    if table is not None:
        print(f"table: {table}")
    print(NOTICE)
    return 1 if problems else 0


def film_files(given: Sequence[Path], out: Path, recursive: bool = False) -> list[Path]:
    """The films named by files and folders, each once, folders in order of name, with a line about what is passed over.

    A DICOMDIR stands for the folder that it lies in.

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


def run_digest(options: PredictOptions, model: Model) -> str:
    """A name for all that decides what a film's result says, but for the film."""
    told = {
        "cephkit": VERSION,
        "models": [loaded.meta["sha256"] for loaded in model.predictor.loaded],
        "mode": model.facts["mode"],
        "half": options.mixed_precision,
        "doubtful": options.keep_doubtful,
        "spacing": [options.pixel_size_mm, options.ruler],
        "about": "" if options.about is None else content_hash(options.about.read_bytes()),
    }
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()
