import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cephkit
from cephkit.checkpoint import load_model
from cephkit.commands.evaluate import EvaluateOptions
from cephkit.data.about import read_about
from cephkit.data.film import points_array
from cephkit.evaluation.judge import Judged, judge_checkpoints
from cephkit.inference.pose import fit_pose
from tests.training.test_finish import random_checkpoint, random_refiner


def judged(root: Path, *checkpoints: Path, lines: list[str] | None = None, **changes: Any) -> Judged:
    options = EvaluateOptions(
        checkpoint=checkpoints, dataset_path=root, device="cpu", num_workers=0, out=checkpoints[0].parent / "out",
        cache_dir=checkpoints[0].parent / "cache", **changes,
    )  # fmt: skip
    return judge_checkpoints(options, checkpoints, (lines if lines is not None else []).append)


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


@pytest.mark.parametrize("sides", [("0.1", "0.1"), ("0.2", "0.1"), ("0.1", "0.15")])
def test_films_are_looked_at_as_by_predict_whatever_the_shape_of_their_pixels(
    tiny_aariz: Path, tmp_path: Path, sides: tuple[str, str]
) -> None:
    root = Path(shutil.copytree(tiny_aariz, tmp_path / "Aariz"))
    table = root / "cephalogram_machine_mappings.csv"
    films = sorted((root / "test" / "Cephalograms").iterdir())
    rows = [f"{film.stem},M,{','.join(sides)}\n" for film in films]
    table.write_text("cephalogram_id,machine,row_mm,column_mm\n" + "".join(rows), encoding="utf-8")
    path = random_checkpoint(tmp_path / "c.pth", seed=17)
    one, model, about = judged(root, path), cephkit.load_model(path, device="cpu"), read_about(table)
    predicted = [model.predict(film, spacing=about[film.stem].spacing) for film in films]
    points = np.stack([points_array(film.points, one.scores.symbols) for film in predicted])
    on_film = np.isfinite(points)  # what a random network finds off the film is judged, and in no record
    assert on_film.all(-1).sum() >= 6
    assert one.scores.predicted[on_film] == pytest.approx(points[on_film], abs=1e-4)
    for film, found, errors in zip(predicted, points, one.scores.errors_mm, strict=True):
        assert film.spacing is not None
        mm = [film.spacing.column_mm, film.spacing.row_mm]
        truth = one.scores.truth[[stem.stem for stem in films].index(film.film_id)]
        known = np.isfinite(found).all(-1)
        assert errors[known] == pytest.approx(np.hypot(*((found - truth)[known] * mm).T), abs=1e-4)
