import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cephkit
from cephkit.data.film import Points
from cephkit.data.opened import pixel_hash
from cephkit.data.spacing import Spacing, square
from cephkit.errors import CheckpointError, FilmError, SettingsError
from cephkit.inference.model import Model
from cephkit.inference.predictor import Errors, Found, Predictor
from cephkit.records.record import LandmarkRecord
from tests.inference.test_predictor import film_with_spot, loaded, tiny_checkpoint

SIZE = (160, 120)


def model() -> Model:
    """Finds A in the brightest spot and never S."""
    return Model(Predictor(loaded()))


def spot(x: float = 60.0, y: float = 80.0) -> np.ndarray:
    return film_with_spot(SIZE, x, y, 8.0)


def at(record: LandmarkRecord) -> tuple[float, float]:
    return record.points["A"]


def test_a_checkpoint_predicts_files_and_arrays_alike(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "c.pth", ("A", "N`"))
    known = cephkit.load_model(tmp_path / "c.pth", device="cpu")
    assert (known.symbols, known.facts["image_size"], known.is_calibrated) == (("A", "N`"), [64, 64], False)
    assert isinstance(known, cephkit.Model)
    Image.fromarray(spot()).save(tmp_path / "f.png")
    by_file, by_text, by_array = (known.predict(film) for film in (tmp_path / "f.png", str(tmp_path / "f.png"), spot()))
    assert by_file.points == by_array.points
    assert by_text.to_dict() == by_file.to_dict()
    assert (by_file.film_id, by_file.file, by_array.file) == ("f", "f.png", "")
    assert by_file.film_hash == by_array.film_hash == pixel_hash(spot())
    assert by_file.model["sha256"]
    with pytest.raises(CheckpointError, match=r"none\.pth"):
        cephkit.load_model(tmp_path / "none.pth")
    with pytest.raises(SettingsError, match="--device abacus"):
        cephkit.load_model(tmp_path / "c.pth", device="abacus")


def test_several_checkpoints_are_averaged(tmp_path: Path) -> None:
    paths = [tiny_checkpoint(tmp_path / f"{name}.pth", ("A", "S")) for name in "ab"]
    assert cephkit.load_model(paths, device="cpu").facts["ensemble"] == ["a.pth", "b.pth"]


def test_colour_and_sixteen_bits_are_films_too() -> None:
    grey = spot()
    found = at(model().predict(grey))
    assert at(model().predict(np.stack([grey] * 3, axis=-1))) == pytest.approx(found, abs=0.02)
    assert at(model().predict(grey.astype(np.uint16) * 257)) == pytest.approx(found, abs=0.1)


@pytest.mark.parametrize(
    "film",
    [np.zeros((160, 120)), np.zeros(9, np.uint8), np.zeros((160, 120, 2), np.uint8), np.zeros((8, 120), np.uint8)],
    ids=["float", "line", "two channels", "small"],
)
def test_an_array_that_is_no_film_is_refused(film: np.ndarray) -> None:
    with pytest.raises(FilmError, match=r"not a film|a film has at least"):
        model().predict(film)


@pytest.mark.parametrize("mode", ["P", "HSV", "YCbCr", "CMYK", "RGB", "RGBA", "I;16", "1"])
def test_a_pil_image_gives_the_points_of_its_file(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(spot()).convert("L" if mode == "I;16" else "RGB").convert(mode)
    file = image.convert("RGB") if mode in ("HSV", "YCbCr") else image  # no file has these
    file.save(tmp_path / "f.tif")
    assert at(model().predict(image)) == pytest.approx(at(model().predict(tmp_path / "f.tif")), abs=0.05)
    turned, exif = image.transpose(Image.Transpose.ROTATE_90), Image.Exif()
    exif[0x0112] = 6
    turned.info["exif"] = exif.tobytes()
    assert at(model().predict(turned)) == pytest.approx(at(model().predict(image)), abs=0.05)


@pytest.mark.parametrize("film", [[[1, 2]], b"film", None, 7, np.ma.masked_array(np.zeros((40, 40), np.uint8))])
def test_what_is_neither_file_nor_picture_nor_array_is_refused(film: Any) -> None:
    with pytest.raises(FilmError, match="give a file, a PIL image or a numpy array"):
        model().predict(film)


def test_a_pixel_size_goes_along() -> None:
    by_number = model().predict(spot(), spacing=0.3).spacing
    assert by_number == square(0.3, "pixel size given")
    assert model().predict(spot(), spacing=Spacing(0.2, 0.1, "ruler")).spacing == Spacing(0.2, 0.1, "ruler")
    assert model().predict(spot()).spacing is None
    with pytest.raises(SettingsError, match="pixel size given"):
        model().predict(spot(), spacing=-1.0)


def test_pixels_that_are_not_square_are_looked_at_as_squares() -> None:
    wide = np.asarray(Image.fromarray(spot()).resize((60, 160), Image.Resampling.BOX))
    found = model().predict(wide, spacing=Spacing(0.1, 0.2, "ruler"))
    assert found.size == (160, 60)
    assert at(found) == pytest.approx(((60.0 + 0.5) / 2 - 0.5, 80.0), abs=0.5)


def test_errors_and_regions_of_a_stretched_film_are_in_its_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    known, regions = model(), np.array([[[[4.0, 2.0], [2.0, 9.0]]] * 2])
    errors = Errors(np.array([[2.0, 2.0]]), regions, [""])
    monkeypatch.setattr(Predictor, "errors", lambda self, found: errors)
    found = known.predict(spot()[:, ::2], spacing=Spacing(0.1, 0.2, "ruler"))
    assert found.expected_errors["A"] == pytest.approx(2 / 2**0.5)
    assert found.expected_errors_mm["A"] == pytest.approx(0.2)
    assert found.regions["A"] == pytest.approx(np.array([[1.0, 1.0], [1.0, 9.0]]))


def test_what_is_no_cephalogram_has_no_landmarks_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = Predictor.run

    def doubted(*given: Any) -> Found:
        found = predict(*given)
        return replace(found, poses=[replace(pose, doubt="a cat") for pose in found.poses])

    monkeypatch.setattr(Predictor, "run", doubted)
    nothing = model().predict(spot())
    assert (nothing.points, nothing.missing, nothing.doubt) == ({}, ("A", "S"), "a cat")
    assert (nothing.scores, nothing.expected_errors, nothing.needs_review) == ({}, {}, ())
    assert list(Model(Predictor(loaded()), keep_doubtful=True).predict(spot()).points) == ["A"]


def test_a_batch_is_as_good_as_film_by_film() -> None:
    films = [spot(50 + 5 * step) for step in range(4)]
    together, alone = model().predict_batch(films), [model().predict(film) for film in films]
    for one, other in zip(together, alone, strict=True):
        assert at(one) == pytest.approx(at(other), abs=1e-3)
    assert model().predict_batch([]) == []


def test_a_folder_is_gone_through_and_a_broken_film_is_told_of(tmp_path: Path) -> None:
    for step, name in enumerate("abc"):
        Image.fromarray(spot(50 + 10 * step)).save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_bytes(b"")
    broken: list[str] = []
    found = model().predict_folder(tmp_path, batch_size=2, broken=lambda path, error: broken.append(path.name))
    assert [(film.film_id, round(at(film)[0])) for film in found] == [("a", 50), ("c", 70)]
    assert broken == ["b.png"]
    with pytest.warns(UserWarning, match=r"b\.png: the file is empty"):
        assert len(list(model().predict_folder(tmp_path))) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="contains no film"):
        list(model().predict_folder(tmp_path / "empty"))


def test_threads_may_share_a_model(tmp_path: Path) -> None:
    known = cephkit.load_model(tiny_checkpoint(tmp_path / "c.pth", ("A", "S")), device="cpu")
    films = [np.random.default_rng(seed).integers(0, 255, SIZE).astype(np.uint8) for seed in range(8)]
    alone = [known.predict(film).points for film in films]
    together = threading.Barrier(4, timeout=30)

    def work(first: int) -> list[Points]:
        together.wait()
        return [known.predict(film).points for film in films[first:] + films[:first]]

    with ThreadPoolExecutor(4) as pool:
        for first, found in enumerate(pool.map(work, range(4))):
            for index, points in enumerate(found):
                assert points == alone[(first + index) % len(films)]


def test_what_is_no_pixel_size_is_said(tmp_path: Path) -> None:
    assert model().predict(spot(), spacing=np.float32(0.5)).spacing == square(0.5, "pixel size given")
    with pytest.raises(SettingsError, match=r"spacing is '0\.1'; give mm per pixel"):
        model().predict(spot(), spacing="0.1")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="batch_size must be 1 or more"):
        model().predict_folder(tmp_path, batch_size=0)
    with pytest.raises(SettingsError, match="no such folder"):
        model().predict_folder(tmp_path / "none")
