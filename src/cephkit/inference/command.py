"""``cephkit predict``: films in, landmarks and pictures out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from cephkit import NOTICE
from cephkit.config import parse
from cephkit.data.pixels import FILM_ENDINGS, read_grey, to_uint8
from cephkit.errors import FilmError, SettingsError
from cephkit.files import write_json, write_whole
from cephkit.inference.device import choose_device
from cephkit.inference.overlay import draw_overlay, png_bytes
from cephkit.inference.predictor import Prediction, Predictor
from cephkit.inference.results import ResultFolder, film_json, film_rows
from cephkit.training.checkpoint import load_model

WEAK_SCORE = 0.1
"""Below it the heatmap has hardly a peak: worth a second look. Not a calibrated probability."""


@dataclass(frozen=True)
class PredictOptions:
    """Find the landmarks of films: a JSON file and an overlay picture per film, and one landmarks.csv.

    Research use only; not a medical device.
    """

    films: tyro.conf.Positional[tuple[Path, ...]]
    """Films (PNG, JPEG, BMP, TIFF), or folders: then every film in them."""
    checkpoint: Path
    """A checkpoint_*.pth of cephkit train; it carries landmarks and input size."""
    out: Path = Path("predictions")
    """Folder for the results; made where there is none."""
    pixel_size_mm: float | None = None
    """Millimetres per pixel of these films; with it landmarks.csv has mm too."""
    overlay: bool = True
    """Draw the landmarks on each film."""
    mixed_precision: bool = False
    """Run the network in half precision."""
    device: str = "cuda"
    """cuda, cuda:1, mps or cpu; without a GPU it says so and goes on with the CPU."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: no film, or a pixel size that is no positive number.
        """
        if not self.films:
            raise SettingsError("cephkit predict: no film; give files or folders, e.g. cephkit predict FILM.png ...")
        if self.pixel_size_mm is not None and not (self.pixel_size_mm > 0 and math.isfinite(self.pixel_size_mm)):
            raise SettingsError(f"--pixel_size_mm must be a positive number of mm, got {self.pixel_size_mm}")


def main(argv: list[str]) -> int:
    """Run the command; 0, or 1 where a film could not be read or none of its landmarks was found.

    Raises:
        CephkitError: nothing could be done, e.g. no such checkpoint.
    """
    return predict(parse(PredictOptions, argv, "cephkit predict"))


def predict(options: PredictOptions) -> int:
    """Find the landmarks of all films; see ``main``."""
    files = film_files(options.films, options.out)
    device = choose_device(options.device, print)
    loaded = load_model(options.checkpoint, device)
    predictor = Predictor(loaded, device, options.mixed_precision)
    results = ResultFolder(options.out, files)
    spec = loaded.spec
    height, width = spec.canvas_size
    print(f"{len(files)} film(s), {len(spec.symbols)} landmarks, {spec.model} at {height}x{width} on {device}")
    rows, failures = [], 0
    for number, file in enumerate(files, start=1):
        try:
            grey = read_grey(file)
        except FilmError as error:
            print(f"[{number}/{len(files)}] FAILED {error}")
            failures += 1
            continue
        prediction = predictor.predict_film(grey, file.stem)
        name = results.name_for(file, prediction.film_hash)
        write_json(results.json_path(name), film_json(name, file, prediction, loaded))
        written = results.json_path(name)
        if options.overlay:
            caption = f"{file.name}   {len(prediction.found)} of {len(spec.symbols)} landmarks"
            written = results.overlay_path(name)
            write_whole(written, png_bytes(draw_overlay(to_uint8(grey), prediction.found, caption)))
        rows += film_rows(name, file, prediction, options.pixel_size_mm)
        doubts = _doubts(prediction)
        print(f"[{number}/{len(files)}] {file.name}: {len(prediction.found)} landmarks -> {written}{doubts}")
        failures += not prediction.found
    if rows:
        print(f"table: {results.write_table(rows)}")
    print(NOTICE)
    return 1 if failures else 0


def _doubts(prediction: Prediction) -> str:
    """What a user should look at twice, as the end of a line."""
    scores = zip(prediction.symbols, prediction.scores.tolist(), strict=True)
    weak = [symbol for symbol, score in scores if symbol in prediction.found and score < WEAK_SCORE]
    said = f"; NOT FOUND: {' '.join(prediction.missing)}" if prediction.missing else ""
    return said + (f"; weak (score below {WEAK_SCORE}): {' '.join(weak)}" if weak else "")


def film_files(given: Sequence[Path], out: Path) -> list[Path]:
    """The films named by files and folders, each once, folders in order of name.

    Raises:
        SettingsError: a path does not exist, a folder has no film, or is the folder for the results.
    """
    files: list[Path] = []
    for path in given:
        if not path.is_dir():
            if not path.exists():
                raise SettingsError(f"{path}: there is no such film or folder")
            files.append(path)
            continue
        if path.resolve() == out.resolve():
            raise SettingsError(f"{path}: films and results would mix; choose another --out")
        inside = sorted(
            file
            for file in path.iterdir()
            if file.suffix.lower() in FILM_ENDINGS and file.is_file() and not file.name.startswith(".")
        )
        if not inside:
            raise SettingsError(f"{path}: holds no film ({' '.join(FILM_ENDINGS)})")
        files += inside
    return list({file.resolve(): file for file in files}.values())
