"""Many films, huge films, deep films."""

import os
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from tests.review.browser.conftest import Films, Opener
from tests.review.browser.films import write_deep, write_large
from tests.review.browser.server import ReviewServer

MOST_ROWS = 60
"""In the document at once, whatever the number of films."""


def test_300_films_are_a_list_of_few_rows(films: Films, opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    some = sorted(films.folder.iterdir())
    for index in range(300):
        os.link(some[index % len(some)], tmp_path / "films" / f"film{index:03d}{some[index % len(some)].suffix}")
    with ReviewServer("--films", tmp_path / "films", out=tmp_path / "out") as server:
        page = opened(server)
        films_list = page.tab.get_by_role("listbox", name="List of films")
        rows = films_list.get_by_role("option")
        expect(page.tab.get_by_text("300 of 300")).to_be_visible()
        assert rows.count() < MOST_ROWS

        films_list.focus()
        page.press("End", "Enter")
        page.until_drawn(299)

        expect(page.row("film299")).to_be_visible()
        assert rows.count() < MOST_ROWS
        page.tab.get_by_label("Search by name").fill("film12")
        expect(rows).to_have_count(10)


def test_a_film_of_95_megapixels_is_seen_whole_and_close(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    write_large(tmp_path / "films" / "large.tif")
    with ReviewServer("--films", tmp_path / "films", out=tmp_path / "out") as server:
        page = opened(server)
        whole = page.picture()
        assert whole.max() == 255  # the cross

        page.press("1")
        page.until_drawn(0)
        close = page.picture()
        middle = close[close.shape[0] // 2 - 15 : close.shape[0] // 2 + 15, 100:300]

        # A film pixel a screen pixel: the cross of 40 pixels fills what it filled two of before.
        assert (middle > 250).mean() > 0.9


def test_a_film_of_16_bits_keeps_its_depth(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    write_deep(tmp_path / "films" / "deep.dcm")
    with ReviewServer("--films", tmp_path / "films", out=tmp_path / "out") as server:
        page = opened(server)
        shown = page.picture().astype(float)
        middle = shown[shown.shape[0] // 2 - 20 : shown.shape[0] // 2 + 20]
        left, right = (
            np.median(middle[:, : shown.shape[1] // 2][:, -100:]),
            np.median(middle[:, shown.shape[1] // 2 :][:, :100]),
        )

        # 40 of 65536 grey values lie between the halves: as 8 bits they would look the same.
        assert right - left > 200
        assert page.state(0)["depth"] == 16
        assert page.state(0)["spacing"]["row_mm"] == 0.1
        assert "Private" not in server.printed
