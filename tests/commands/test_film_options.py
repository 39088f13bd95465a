"""The options of predict and measure."""

from pathlib import Path

import pytest

from cephkit.commands.film_options import FilmOptions
from cephkit.commands.measure import MeasureOptions
from cephkit.commands.predict import PredictOptions
from cephkit.errors import SettingsError
from tests.test_published import folder_of

A, B, FILM = Path("a.pth"), Path("b.pth"), Path("film.png")


def test_what_follows_the_checkpoints_and_is_none_is_a_film() -> None:
    predict = PredictOptions(checkpoint=(A, B, FILM), films=(Path("first.png"),))
    assert (predict.checkpoint, predict.films) == ((A, B), (Path("first.png"), FILM))
    measure = MeasureOptions(checkpoint=(A, FILM), landmarks=())
    assert (measure.checkpoint, measure.landmarks) == ((A,), (FILM,))


def test_published_models_and_names_on_the_hub_are_no_films(tmp_path: Path) -> None:
    published, named = folder_of(tmp_path), Path("hf:ann/ceph")
    predict = PredictOptions(checkpoint=(A, published, named, FILM, tmp_path), films=())
    assert (predict.checkpoint, predict.films) == ((A, published, named), (FILM, tmp_path))


@pytest.mark.parametrize(
    ("ruler", "size", "complaint"),
    [
        (None, 7.0, "--pixel_size_mm must be 0.005 to 2 mm, got 7.0"),
        ((0, 0, 100, 0, 10), 0.1, "--pixel_size_mm and --ruler"),
        ((0, 0, 1, 0, 10), None, "1.0 pixels apart"),
    ],
)
def test_a_pixel_size_that_cannot_be_is_one_fault(
    ruler: tuple[float, float, float, float, float] | None, size: float | None, complaint: str
) -> None:
    with pytest.raises(SettingsError) as error:
        FilmOptions(pixel_size_mm=size, ruler=ruler)
    _, *faults = str(error.value).splitlines()
    assert len(faults) == 1
    assert complaint in faults[0]


def test_a_digest_tells_settings_and_table_apart(tmp_path: Path) -> None:
    table = tmp_path / "about.csv"
    table.write_text("film,age\na,10\n", encoding="utf-8")
    options = FilmOptions(about=table)
    first = options.digest(None, facing="auto")
    assert first == FilmOptions(about=table).digest(None, facing="auto")
    assert first != options.digest(None, facing="left")
    assert first != FilmOptions(about=table, pixel_size_mm=0.1).digest(None, facing="auto")
    table.write_text("film,age\na,11\n", encoding="utf-8")
    assert first != options.digest(None, facing="auto")
