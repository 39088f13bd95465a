"""The page with landmarks that it does not know: it has their titles and sides, and neither pictures nor outlines."""

import json
import re
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from cephkit.data.aariz import read_aariz
from cephkit.data.film import Points
from cephkit.data.labels import landmarks_json
from cephkit.landmarks.schema_file import read_schema
from cephkit.landmarks.shipped import KNOWN
from tests.review.browser.conftest import Opener
from tests.review.browser.films import dataset
from tests.review.browser.server import ReviewServer

HOSTILE = '<img src=x onerror="document.title = 1"> & "quoted"'
LANDMARKS = [
    *("S", "N", "Me", "Ba"),
    {"symbol": "ZR", "title": "Zygion, right", "tissue": "bone", "mirror": "ZL", "definition": "The outermost point."},
    {"symbol": "ZL", "title": "Zygion, left", "tissue": "soft", "mirror": "ZR"},
    {"symbol": "نقطه", "title": HOSTILE, "tissue": "tooth"},
    {"symbol": "W24_34567890123456789012", "title": "W" * 80, "tissue": "soft", "definition": "word " * 199},
]


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """Synthetic films with landmarks of a schema beside them; the last one has no point."""
    root = dataset(tmp_path / "made", films=20, height=256)
    (root / "landmarks.yaml").write_text(yaml.safe_dump({"landmarks": LANDMARKS}), encoding="utf-8")
    schema = read_schema(root / "landmarks.yaml", KNOWN)
    for film in read_aariz(root, schema=KNOWN).films:
        face = film.points("mean")
        more: Points = {"Ba": (60.0, 110.0), "ZR": (100.0, 120.0), "ZL": (112.0, 124.0), "نقطه": (90.0, 150.0)}
        points = {symbol: point for symbol, point in {**face, **more}.items() if symbol in schema}
        for label in root.glob(f"{film.split}/Annotations/Cephalometric Landmarks/*/{film.film_id}.json"):
            label.write_text(json.dumps(landmarks_json(film.film_id, points, schema)), encoding="utf-8")
    return root


def test_made_up_landmarks_are_shown_edited_and_confirmed(made_up: Path, tmp_path: Path, opened: Opener) -> None:
    with ReviewServer("--dataset_path", made_up, out=tmp_path / "out") as server:
        page = opened(server)
        page.side("Landmarks")
        items = page.tab.get_by_role("list", name="List of landmarks").get_by_role("listitem")
        expect(items).to_have_count(len(LANDMARKS))
        expect(page.tab.get_by_text(HOSTILE)).to_be_visible()

        # Both sides of the head light up; there is a definition, and no picture.
        right = items.filter(has_text="Zygion, right")
        right.get_by_role("button").first.click()
        expect(right).to_contain_text("The outermost point.")
        expect(right).to_contain_text("On the other side of the head: ZL")
        expect(right.locator("img")).to_have_count(0)
        right.hover()
        for symbol in ("ZR", "ZL"):
            expect(page.mark(symbol)).to_have_class(re.compile(r"\blit\b"))
        sella = items.filter(has_text="Sella")
        sella.get_by_role("button").first.click()
        expect(sella.locator("img")).to_be_visible()

        # The one without a point is placed, with its words beside, none of which run out of the window.
        page.button(re.compile("Place missing")).click()
        guide = page.tab.get_by_role("complementary", name=re.compile("Place"))
        expect(guide).to_contain_text("word word")
        box, window = guide.bounding_box(), page.tab.viewport_size
        assert box is not None
        assert window is not None
        assert box["x"] + box["width"] <= window["width"]
        assert box["height"] < window["height"] / 2
        expect(page.button("Confirm film")).to_be_in_viewport()
        x, y = page.center("N")
        page.click((x + 60, y - 40))
        page.until_saved(edits=1)
        page.drag("نقطه", 20, 10)
        page.until_saved(edits=2)
        page.press("Shift+C")
        page.until_saved(edits=3)

        points = page.state(0)["state"]["points"]
        assert len(points) == len(LANDMARKS)
        assert (points["نقطه"]["origin"], points["W24_34567890123456789012"]["origin"]) == ("corrected", "placed")
        label = json.loads((server.out / "labels" / f"{page.state(0)['id']}.json").read_text(encoding="utf-8"))
        assert {mark["title"] for mark in label["landmarks"]} >= {"Zygion, left", HOSTILE, "W" * 80}
        assert page.tab.title() != "1"


def test_in_persian_titles_without_a_translation_stay_as_they_are(
    made_up: Path, tmp_path: Path, opened: Opener
) -> None:  # fmt: skip
    with ReviewServer("--dataset_path", made_up, out=tmp_path / "out") as server:
        page = opened(server, language="fa")
        page.tab.get_by_role("tab").nth(1).click()
        expect(page.tab.get_by_text("Zygion, right")).to_be_visible()
        expect(page.tab.get_by_text("سلا", exact=True)).to_be_visible()
