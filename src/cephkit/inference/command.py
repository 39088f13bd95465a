"""``cephkit predict``: films in, landmarks and pictures out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from cephkit import NOTICE
from cephkit.config import parse
from cephkit.data.pixels import FILM_ENDINGS, read_grey, to_uint8
from cephkit.errors import FilmError, SettingsError
from cephkit.files import write_json, write_whole
from cephkit.inference.device import choose_device
from cephkit.inference.overlay import draw_overlay, png_bytes
from cephkit.inference.predictor import Prediction, Predictor
from cephkit.inference.results import ResultFolder, film_json, film_rows, look_regions, needs_look
from cephkit.training.checkpoint import load_model


@dataclass(frozen=True)
class PredictOptions:
    """Find the landmarks of films: a JSON file and an overlay picture per film, and one landmarks.csv.

    Research use only; not a medical device.
    """

    films: tyro.conf.Positional[tuple[Path, ...]]
    """Films (PNG, JPEG, BMP, TIFF), or folders: then every film in them."""
    checkpoint: tuple[Path, ...]
    """A checkpoint_*.pth of cephkit train, which carries landmarks and input size; or several, to be averaged."""
    out: Path = Path("predictions")
    """Folder for the results; made where there is none."""
    pixel_size_mm: float | None = None
    """Millimetres per pixel of these films; with it landmarks.csv has mm too."""
    tta: bool = False
    """Look at each film several times (turned, scaled, brighter, darker) and average: slower, a little better."""
    refine: bool = True
    """Use the second stage of checkpoints that have one."""
    keep_doubtful: bool = False
    """Write landmarks even of pictures that look like no lateral cephalogram; without it they count as not found."""
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
        # ``--checkpoint A.pth film.png``: the flag takes all that follows; what is no checkpoint is a film.
        films = tuple(path for path in self.checkpoint[1:] if path.suffix != ".pth")
        object.__setattr__(self, "films", (*self.films, *films))
        object.__setattr__(self, "checkpoint", tuple(path for path in self.checkpoint if path not in films))
        if not self.checkpoint:
            raise SettingsError("cephkit predict: --checkpoint needs a checkpoint_*.pth of cephkit train")
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
    loaded = [load_model(path, device) for path in options.checkpoint]
    predictor = Predictor(loaded, device, options.mixed_precision, options.tta, options.refine)
    results = ResultFolder(options.out, files)
    spec = predictor.spec
    height, width = spec.canvas_size
    print(f"{len(files)} film(s), {len(spec.symbols)} landmarks, {spec.model} at {height}x{width} on {device}")
    if predictor.calibration is None:
        print(f"no calibration for {predictor.mode}: no expected errors; make one with cephkit calibrate")
    rows, failures = [], 0
    for number, file in enumerate(files, start=1):
        try:
            grey = read_grey(file)
        except FilmError as error:
            print(f"[{number}/{len(files)}] FAILED {error}")
            failures += 1
            continue
        prediction = predictor.predict_film(grey, file.stem)
        if prediction.doubt and not options.keep_doubtful:
            prediction = withheld(prediction)
        name = results.name_for(file, prediction.film_hash)
        write_json(results.json_path(name), film_json(name, file, prediction, predictor, options.pixel_size_mm))
        written = results.json_path(name)
        if options.overlay:
            caption = f"{file.name}   {len(prediction.found)} of {len(spec.symbols)} landmarks"
            written = results.overlay_path(name)
            regions = look_regions(prediction, options.pixel_size_mm)
            write_whole(written, png_bytes(draw_overlay(to_uint8(grey), prediction.found, caption, regions)))
        rows += film_rows(name, file, prediction, options.pixel_size_mm)
        doubts = _doubts(prediction, options.pixel_size_mm)
        print(f"[{number}/{len(files)}] {file.name}: {len(prediction.found)} landmarks -> {written}{doubts}")
        failures += not prediction.found
    if rows:
        print(f"table: {results.write_table(rows)}")
    print(NOTICE)
    return 1 if failures else 0


def withheld(prediction: Prediction) -> Prediction:
    """``prediction`` without its landmarks: a picture that is no film has none, whatever a network says."""
    nothing = np.full_like(prediction.points, np.nan)
    return replace(prediction, points=nothing, scores=nothing[:, 0], expected_errors=None, regions=None)


def _doubts(prediction: Prediction, pixel_size_mm: float | None) -> str:
    """What a user should look at twice, as the end of a line."""
    if prediction.doubt and not prediction.found:
        return f"; NO LATERAL CEPHALOGRAM? {prediction.doubt}; look at it, or give --keep_doubtful"
    said = "; faces left" if prediction.facing == "left" else ""
    said += f"; NO LATERAL CEPHALOGRAM? {prediction.doubt}" if prediction.doubt else ""
    said += f"; NOT FOUND: {' '.join(prediction.missing)}" if prediction.missing else ""
    unsure = needs_look(prediction, pixel_size_mm)
    return said + (f"; look at: {' '.join(unsure)}" if unsure else "")


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
