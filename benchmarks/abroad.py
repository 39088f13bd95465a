"""Whether 90 % regions hold abroad: on distorted films, as of other machines, for other examiners, after 20 films.

python -m benchmarks.abroad --checkpoint isbi/checkpoint_best.pth --dataset_path isbi2015

The films are those of valid, from which the calibration is refitted; each is used as it is, some in each way of
``cephkit evaluate --stress``, and a quarter of them as of each of several made-up machines (exposure, contrast,
shading, sharpness, noise, frame, resolution). Coverage is given without and with what regions add for other
examiners and for films that look unlike those of the calibration.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cephkit.calibration.expected import cross_fitted, fit_calibration
from cephkit.calibration.fit import examiner_moments, with_conventions
from cephkit.calibration.local import fit_local
from cephkit.checkpoint import load_model
from cephkit.data.aariz import AarizFolder
from cephkit.data.film import Film, pixel_sizes_mm, points_array
from cephkit.data.opened import read_grey, to_uint8
from cephkit.data.prepare import prepare
from cephkit.evaluation import distort
from cephkit.evaluation.distort import DISTORTIONS, Distorted, Grey8
from cephkit.geometry import invert, transform
from cephkit.inference.predictor import Predictor
from cephkit.inference.uncertainty import Calibration, within
from cephkit.records.record import REVIEW_MM

Floats = NDArray[np.float64]
Change = Callable[[Grey8, int], Distorted]
EXAMINERS = ("mean", "senior", "junior")
DRAWS = 20
"""Of 20 films to calibrate on."""


@dataclass(frozen=True)
class Options:
    """What to judge."""

    checkpoint: Path
    dataset_path: Path
    stress_films: int = 20
    machines: int = 10
    device: str = "cpu"


@dataclass(frozen=True)
class Seen:
    """N films seen in one way; lengths in canvas pixels, as a calibration takes them."""

    features: Floats
    signatures: Floats
    excess: Floats
    mm: Floats
    """(N,) to a canvas pixel."""
    residuals: dict[str, Floats]
    """(N, K, 2) by examiner."""

    def of(self, rows: Sequence[int] | NDArray[np.int64]) -> "Seen":
        """Some of the films."""
        pick = list(rows)
        parts = (self.features, self.signatures, self.excess, self.mm)
        features, signatures, excess, mm = (part[pick] for part in parts)
        return Seen(features, signatures, excess, mm, {who: gaps[pick] for who, gaps in self.residuals.items()})


def machine(rng: np.random.Generator) -> Change:
    """Films as of a machine that nobody has."""
    exponent, contrast = float(np.exp(rng.uniform(np.log(0.45), np.log(2.2)))), float(rng.uniform(0.4, 1))
    shading, sharpness = float(rng.uniform(-0.5, 0.5)), int(rng.uniform(0, 250))
    blurred, noisy, cropped, framed = (bool(rng.random() < chance) for chance in (0.5, 0.5, 0.4, 0.3))
    blur, noise = float(rng.uniform(0.0005, 0.0035)), float(rng.uniform(2, 20))
    crop, frame, factor = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.02, 0.12)), float(rng.uniform(0.5, 1))
    grey = int(rng.choice([distort.BLACK, distort.WHITE]))

    changes: list[Callable[[Grey8], Distorted]] = [partial(distort.resize, factor=factor)]
    if framed:
        changes.insert(0, partial(distort.frame, share=frame, grey=grey))
    if cropped:
        changes.insert(0, partial(distort.crop, share=crop))

    def changed(film: Grey8, seed: int) -> Distorted:
        film, _ = distort.low_contrast(distort.gamma(film, exponent=exponent)[0], share=contrast)
        rows, columns = np.mgrid[-1 : 1 : film.shape[0] * 1j, -1 : 1 : film.shape[1] * 1j]
        film = np.clip(film * (1 + 0.7 * shading * (rows + columns)), 0, 255).astype(np.uint8)
        film = np.array(Image.fromarray(film).filter(ImageFilter.UnsharpMask(4, sharpness, 0)))
        matrix = np.eye(3)
        film = distort.blur(film, share=blur)[0] if blurred else film
        film = distort.noise(film, noise, seed)[0] if noisy else film
        for change in changes:
            film, moved = change(film)
            matrix = moved @ matrix
        return film, matrix

    return changed


def seen(predictor: Predictor, films: Sequence[Film], change: Change) -> Seen:
    """``films`` changed and predicted; those that do not look like films are left out."""
    symbols, rows = predictor.spec.symbols, []
    for film in films:
        grey, matrix = change(to_uint8(read_grey(film.path)), zlib.crc32(film.film_id.encode()))
        found = predictor.run_film(grey)
        if found.poses[0].doubt:
            continue
        gaps = {
            who: (transform(matrix, points_array(film.points(who), symbols)) - found.points[0]) / found.units[0]
            for who in EXAMINERS
        }
        back = np.sqrt(abs(np.linalg.det(invert(matrix)[:2, :2])))
        mm = found.units[0] * back * float(pixel_sizes_mm([film])[0])
        turned = {who: gap @ found.frames[0].T for who, gap in gaps.items()}
        rows.append((found.features[0], found.signatures[0], found.poses[0].excess, mm, turned))  # type: ignore[index]
    features, signatures, excess, mm, residuals = zip(*rows, strict=True)
    return Seen(
        np.array(features), np.array(signatures), np.array(excess), np.array(mm),
        {who: np.array([each[who] for each in residuals]) for who in EXAMINERS},
    )  # fmt: skip


def coverage(calibration: Calibration, films: Seen, examiner: str) -> float:
    """Share of an examiner's points in the regions of ``films``."""
    strange = calibration.strangeness(films.signatures, len(films.mm))
    gaps = films.residuals[examiner] / films.excess[:, None, None] - calibration.bias
    return float(within(calibration.regions(films.features, strange), gaps).mean())


def row(name: str, calibration: Calibration, films: Seen) -> str:
    """A line of the table."""
    plain = calibration.without_examiners()
    strange = calibration.strangeness(films.signatures, len(films.mm))
    errors = np.hypot(*np.moveaxis(films.residuals["mean"], -1, 0)) * films.mm[:, None]
    stated = calibration.expected(films.features, strange) * (films.mm * films.excess)[:, None]
    large = errors > 4
    cells = [
        f"{100 * coverage(plain, films, who):.1f} / {100 * coverage(calibration, films, who):.1f}" for who in EXAMINERS
    ]
    marked = f"{100 * (stated[large] > REVIEW_MM).mean():.0f} %" if large.any() else "-"
    figures = (
        name,
        len(films.mm),
        f"{errors.mean():.2f}",
        f"{strange.mean():.2f}",
        *cells,
        f"{marked} of {large.sum()}",
    )
    return f"| {' | '.join(map(str, figures))} |"


def local(calibration: Calibration, films: Seen, examiner: str, remove_bias: bool, rng: np.random.Generator) -> Floats:
    """Coverage and MRE in mm of films that had no part in a calibration on 20 of them, one of each draw."""
    figures = []
    for _ in range(DRAWS):
        order = rng.permutation(len(films.mm))
        own, others = films.of(order[:20]), films.of(order[20:])
        gaps = own.residuals[examiner] / own.excess[:, None, None]
        made, _ = fit_local(calibration, own.features, gaps, own.signatures, remove_bias=remove_bias)
        left = others.residuals[examiner] - made.bias
        mre = float((np.hypot(*np.moveaxis(left, -1, 0)) * others.mm[:, None]).mean())
        figures.append((100 * coverage(made, others, examiner), mre))
    return np.array(figures)


def main(options: Options) -> None:
    model = load_model(options.checkpoint, options.device)
    predictor = Predictor(replace(model, extras={**model.extras, "calibrations": {}}), options.device)
    spec = predictor.spec
    data = prepare(
        AarizFolder(options.dataset_path), splits=("train", "valid"), annotation="mean",
        canvas_size=spec.canvas_size, hold=0, cache_dir=None, skip_bad_films=False, notify=lambda line: None,
    )  # fmt: skip
    films, marked = data.films["valid"], [*data.films["train"], *data.films["valid"]]
    home = seen(predictor, films, distort.NONE)
    each = [home.residuals[who] for who in EXAMINERS[1:]]
    made = with_conventions(
        fit_calibration(home.features, home.residuals["mean"]), films, spec.symbols, spec.canvas_size, home.features,
        home.residuals["mean"], each, home.signatures, marked,
    )  # fmt: skip
    strange = made.strangeness(home.signatures, len(films))
    held = [
        100 * cross_fitted(home.features, home.residuals["mean"], *more)[1].mean() for more in ((), (made, strange))
    ]
    print(f"share of examiners {made.share:.3f}; at home, cross-fitted: {held[0]:.1f} / {held[1]:.1f} %")
    print(
        "| films | n | MRE mm | strange | mean % | senior % | junior % | errors above 4 mm marked |\n"
        + "| --- " * 8
        + "|"
    )
    print(row("as they are", made, home))
    some = [films[index * len(films) // options.stress_films] for index in range(options.stress_films)]
    for distortion in DISTORTIONS[1:]:
        print(row(f"{distortion.name} {distortion.strength}", made, seen(predictor, some, distortion)), flush=True)
    rng = np.random.default_rng(7)
    abroad = []
    for number in range(options.machines):
        abroad.append(seen(predictor, films[number % 4 :: 4], machine(rng)))
        print(row(f"machine {number + 1}", made, abroad[-1]), flush=True)

    print("\ncalibrated on 20 films, judged on the others (mean, SD over draws and machines; MRE mm):")
    for name, sets in (("as they are", [home]), ("machines", [each for each in abroad if len(each.mm) >= 28])):
        for examiner in EXAMINERS:
            for remove_bias in (False, True):
                stated = np.concatenate([local(made, each, examiner, remove_bias, rng) for each in sets])
                figures = f"{stated[:, 0].mean():.1f} ± {stated[:, 0].std():.1f} %, {stated[:, 1].mean():.2f} mm"
                print(f"{name}, {examiner}, bias {'removed' if remove_bias else 'kept'}: {figures}")

    print("\nexaminers and landmarks left out:")
    once = [replace(film, annotations={"senior": film.points("senior")}) for film in films]
    usual = replace(made, examiners=examiner_moments(once, spec.symbols, spec.canvas_size))
    told_of = [f"{who} {100 * coverage(usual, home, who):.1f} %" for who in EXAMINERS]
    print(f"each landmark's own distance between examiners unknown: {', '.join(told_of)}")
    for own, other in (EXAMINERS[1:], EXAMINERS[:0:-1]):
        alone = with_conventions(
            fit_calibration(home.features, home.residuals[own]), once, spec.symbols, spec.canvas_size, home.features,
            home.residuals[own], [], home.signatures,
        )  # fmt: skip
        plain, widened = (100 * coverage(each, home, other) for each in (alone.without_examiners(), alone))
        print(f"calibrated on the {own}'s points alone, judged on the {other}'s: {plain:.1f} / {widened:.1f} %")


if __name__ == "__main__":
    main(tyro.cli(Options))
