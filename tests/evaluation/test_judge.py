from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from cephkit.checkpoint import load_model
from cephkit.commands.evaluate import EvaluateOptions
from cephkit.data.film import points_array
from cephkit.evaluation.judge import Judged, judge_checkpoints
from cephkit.inference.model import Model
from cephkit.inference.pose import fit_pose
from cephkit.inference.predictor import Predictor
from tests.data.aariz_folder import AarizMaker
from tests.data.dicom.made import film as dicom_film
from tests.data.dicom.made import written
from tests.inference.test_held import FACE, face_model, film_of
from tests.training.test_finish import random_checkpoint, random_refiner


def judged(root: Path, *checkpoints: Path, lines: list[str] | None = None, **changes: Any) -> Judged:
    options = EvaluateOptions(
        checkpoint=checkpoints, dataset_path=(root,), device="cpu", out=checkpoints[0].parent / "out",
        cache_dir=checkpoints[0].parent / "cache", **{"num_workers": 0, **changes},
    )  # fmt: skip
    notify = (lines if lines is not None else []).append
    return judge_checkpoints(options, checkpoints, notify, tta=options.tta, refine=options.refine)


def test_the_source_says_how_it_was_predicted(tiny_aariz: Path, tmp_path: Path) -> None:
    path, lines = random_checkpoint(tmp_path / "c.pth", refiner=random_refiner()), list[str]()
    one = judged(tiny_aariz, path, lines=lines, tta=True)
    assert (one.source["mode"], one.source["tta"], one.source["second_stage"]) == ("tta+refiner", True, True)
    assert one.source["checkpoint"]["path"] == path.as_posix()
    assert one.source["checkpoint"]["sha256"] == load_model(path).meta["sha256"]
    assert one.source["checkpoint"]["epoch"] == 7
    assert (one.source["films_doubted"], one.source["films_facing_left"]) == ([], [])
    assert "ensemble" not in one.source
    for lack in ("no calibration for tta+refiner", "no pose model"):
        assert any(lack in line for line in lines)
        assert any(lack in each for each in one.source["model_lacks"])
    plain = judged(tiny_aariz, path, refine=False)
    assert (plain.source["mode"], plain.source["second_stage"]) == ("plain", False)


def test_an_ensemble_names_its_members_and_scores_their_mean(tiny_aariz: Path, tmp_path: Path) -> None:
    a, b = random_checkpoint(tmp_path / "a.pth"), random_checkpoint(tmp_path / "b.pth", ("S", "N", "A", "Me"), seed=5)
    both = judged(tiny_aariz, a, b)
    assert [member["path"] for member in both.source["ensemble"]] == [a.as_posix(), b.as_posix()]
    assert both.source["checkpoint"] == both.source["ensemble"][0]
    alone = [judged(tiny_aariz, path).scores for path in (a, b)]
    assert [scores.symbols for scores in alone] == [both.scores.symbols] * 2
    assert both.scores.predicted == pytest.approx((alone[0].predicted + alone[1].predicted) / 2)


def test_films_that_are_doubted_are_listed_with_the_reason_and_scored_all_the_same(
    tiny_aariz: Path, tmp_path: Path
) -> None:
    # Faces that no film of this data set has, and whose scores no random network reaches.
    shapes = np.random.default_rng(0).uniform(0, 64, (4, 2)) + np.random.default_rng(1).normal(0, 0.1, (30, 4, 2))
    pose = fit_pose(shapes, np.full((30, 4), 1.0), (64, 64)).to_dict()
    one = judged(tiny_aariz, random_checkpoint(tmp_path / "c.pth", pose=pose))
    assert [film["film"] for film in one.source["films_doubted"]] == ["e0", "e1"]
    assert all("unsure" in film["reason"] for film in one.source["films_doubted"])
    assert len(one.source["model_lacks"]) == 1  # the calibration
    assert np.isfinite(one.scores.errors_mm).all()
    assert one.scores.errors_mm.shape == (2, 4)


FACE_ON_FILM = FACE * 3 + 1


def oblong(maker: AarizMaker) -> Path:
    """A film of pixels twice as high as wide: every second row of the usual one."""
    path = maker.add("test", "f", grey=film_of(FACE_ON_FILM)[::2], pixel_size=None)
    table = "cephalogram_id,machine,row_mm,column_mm\nf,M,0.4,0.2\n"
    (maker.root / "cephalogram_machine_mappings.csv").write_text(table, encoding="utf-8")
    return path


def facing_left(maker: AarizMaker) -> Path:
    return maker.add("test", "f", grey=np.fliplr(film_of(FACE_ON_FILM)), pixel_size="0.2")


def turned_by_exif(maker: AarizMaker) -> Path:
    path = maker.add("test", "f", pixel_size="0.2")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned clockwise
    Image.fromarray(np.rot90(film_of(FACE_ON_FILM))).save(path, exif=exif)
    return path


def dicom(maker: AarizMaker) -> Path:
    """A film of 12 bits whose own pixel size the data set does not give, of oblong pixels."""
    path = maker.add("test", "f", pixel_size=None)
    path.unlink()
    grey = 4095 - 16 * film_of(FACE_ON_FILM)[:, ::2].astype(np.uint16)
    spacing = {"PixelSpacing": [0.2, 0.4], "PixelSpacingCalibrationType": "FIDUCIAL"}
    dataset = dicom_film(grey, BitsStored=12, PhotometricInterpretation="MONOCHROME1", **spacing)
    path.with_suffix(".dcm").write_bytes(written(dataset))
    return path.with_suffix(".dcm")


@pytest.mark.parametrize("make", [oblong, facing_left, turned_by_exif, dicom])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_films_are_judged_to_the_point_as_they_are_predicted(
    make: Callable[[AarizMaker], Path], num_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = AarizMaker(tmp_path / "Aariz")
    path = make(maker)
    model = replace(face_model(), meta={"sha256": "0" * 64, "epoch": 1, "versions": {}})
    monkeypatch.setattr("cephkit.checkpoint.load_model", lambda *_: model)
    one = judged(maker.root, tmp_path / "f.pth", num_workers=num_workers)
    (film,), (sizes,) = one.scores.films, one.scores.pixel_sizes[None]
    assert film.spacing is not None
    record = Model(Predictor(model)).predict(path, spacing=None if make is dicom else film.spacing)
    assert record.missing == ()
    assert record.spacing == film.spacing
    assert sizes == pytest.approx(0.2)
    assert one.source["films_facing_left"] == (["f"] if record.facing == "left" else [])
    assert (record.facing == "left") == (make is facing_left)
    assert one.scores.predicted[0] == pytest.approx(points_array(record.points, one.scores.symbols), abs=1e-4)
    sides = np.array([film.spacing.column_mm, film.spacing.row_mm])
    gaps = (points_array(record.points, one.scores.symbols) - one.scores.truth[0]) * sides
    assert one.scores.errors_mm[0] == pytest.approx(np.hypot(*gaps.T), abs=1e-4, nan_ok=True)


def test_a_dicom_film_whose_pixel_size_cannot_be_one_is_judged_in_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = AarizMaker(tmp_path / "Aariz")
    path = maker.add("test", "f", pixel_size=None)
    path.unlink()
    path.with_suffix(".dcm").write_bytes(written(dicom_film(film_of(FACE_ON_FILM), ImagerPixelSpacing=[0.1, 9.0])))
    model = replace(face_model(), meta={"sha256": "0" * 64, "epoch": 1, "versions": {}})
    monkeypatch.setattr("cephkit.checkpoint.load_model", lambda *_: model)
    one = judged(maker.root, tmp_path / "f.pth")
    record = Model(Predictor(model), ignore_bad_pixel_size=True).predict(path.with_suffix(".dcm"))
    assert one.scores.films_without_pixel_size == ["f"]
    assert one.scores.predicted[0] == pytest.approx(points_array(record.points, one.scores.symbols), abs=1e-4)
