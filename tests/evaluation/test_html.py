import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cephkit import NOTICE
from cephkit.evaluation.html import write_report
from cephkit.evaluation.results import metrics_content
from cephkit.evaluation.scoring import Scores
from tests.evaluation.test_plots import make_scores

HOSTILE = "<script>alert('x')</script>&\"$x$"


@pytest.fixture
def scores(tmp_path: Path) -> Scores:
    films = tmp_path / "private" / "films"
    films.mkdir(parents=True)
    return make_scores(films)


def content_of(scores: Scores, draws: int = 50, **more: Any) -> dict[str, Any]:
    root = scores.films[0].path.parent.as_posix()
    about = {
        "predictions": {"path": f"{root}/points.json", "sha256": "abc"},
        "dataset_path": root,
        "bootstrap": {"draws": draws, "seed": 3, "drawn": "films"},
        "command": f"cephkit evaluate --dataset_path {root} --predictions points.json",
        "written_at": "2026-01-01T00:00:00+00:00",
    }
    return {**metrics_content(scores, scores.metrics(draws, 3), about), **more}


def page_of(out: Path, scores: Scores, **more: Any) -> str:
    return write_report(out, scores, content_of(scores, **more), draws=50, seed=3).read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Start tags of a page, and whether each end tag ends the last open one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_cover_states_figures_and_circumstances(tmp_path: Path, scores: Scores) -> None:
    page = page_of(tmp_path / "out", scores)
    metrics = scores.metrics(50, 3)
    assert metrics.mre_mm_ci95 is not None
    assert f"{metrics.mre_mm:.3f} mm" in page
    assert "{:.3f}–{:.3f}".format(*metrics.mre_mm_ci95) in page
    for text in (NOTICE, "senior annotator", "points.json", "2026-01-01", "50 draws, seed 3", "SDR@2.5 mm"):
        assert text in page


def test_a_film_may_have_a_name_of_any_bytes(tmp_path: Path, scores: Scores) -> None:
    film = replace(scores.films[0], film_id=os.fsdecode(b"caf\xe9"))
    page = page_of(tmp_path / "out", replace(scores, films=(film, *scores.films[1:])))
    assert "caf\\udce9" in page


def test_a_figure_that_fails_costs_only_itself(tmp_path: Path, scores: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"no font in {tmp_path}")

    for name in ("boxes", "overlay", "calibration"):
        monkeypatch.setattr(f"cephkit.evaluation.html.{name}", fail)
    page = page_of(tmp_path / "out", scores)
    assert page.count("it could not be drawn (RuntimeError)") == 5
    assert str(tmp_path) not in page
    assert sorted(path.name for path in (tmp_path / "out" / "figures").glob("*.svg")) == [
        "cumulative_error.svg",
        "error_scatter.svg",
    ]


def test_the_page_needs_no_other_file_and_runs_nothing(tmp_path: Path, scores: Scores) -> None:
    page = page_of(tmp_path / "out", scores)
    parsed = Tags(page)
    assert not parsed.open
    assert not re.search(r"https?://|url\(|@import", page)
    names = {tag for tag, _ in parsed.tags}
    assert not names & {"script", "link", "iframe", "object", "embed"}
    images = [attributes for tag, attributes in parsed.tags if tag == "img"]
    assert len(images) == 6
    assert all((image["src"] or "").startswith("data:image/svg+xml;base64,") and image["alt"] for image in images)


def test_each_figure_has_its_numbers_beside_it(tmp_path: Path, scores: Scores) -> None:
    page_of(tmp_path, scores)
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    names = ("cumulative_error", "landmark_errors", "error_scatter", "film_best", "film_median", "film_worst")
    assert files == {f"{name}.{ending}" for name in names for ending in ("svg", "csv")}


def test_foreign_text_is_escaped(tmp_path: Path, scores: Scores) -> None:
    films = tuple(replace(film, film_id=f"{HOSTILE}{i}", machine=HOSTILE) for i, film in enumerate(scores.films))
    hostile = replace(scores, films=films)
    page = page_of(tmp_path / "out", hostile, command=HOSTILE, device=HOSTILE, uncertainty={
        "expected_mm": [1.0], "observed_mm": [1.0], HOSTILE: HOSTILE,
    })  # fmt: skip
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&#34;$x$") >= 6
    assert all(b"<script" not in path.read_bytes() for path in (tmp_path / "out" / "figures").glob("*.svg"))


def test_folders_of_films_stay_private(tmp_path: Path, scores: Scores) -> None:
    page = page_of(tmp_path / "out", scores)
    assert "private" not in page
    assert "--dataset_path films" in page
    assert all(b"private" not in path.read_bytes() for path in (tmp_path / "out" / "figures").iterdir())


def test_without_pixel_sizes_the_report_says_so(tmp_path: Path) -> None:
    unspaced = make_scores(tmp_path, pixel_size_mm=None)
    page = page_of(tmp_path / "out", unspaced)
    assert page.count("no film with a pixel size") == 3
    assert f"{unspaced.metrics().mre_pixels:.1f} pixels" in page
    assert "8 films have no pixel size and count in no figure in mm." in page
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page).lower()


def test_figures_that_no_longer_hold_are_removed(tmp_path: Path, scores: Scores) -> None:
    calibrated = {"expected_mm": [1.0, 2.0], "observed_mm": [1.1, 2.2], "spearman": 0.61234}
    page = page_of(tmp_path, scores, uncertainty=calibrated)
    assert '<th scope="row">spearman</th><td class="text">0.6123</td>' in page
    assert (tmp_path / "figures" / "calibration.svg").is_file()
    assert "Calibration" not in page_of(tmp_path, scores)
    assert not list((tmp_path / "figures").glob("calibration.*"))


def test_the_report_is_the_same_again(tmp_path: Path, scores: Scores) -> None:
    assert page_of(tmp_path / "one", scores) == page_of(tmp_path / "two", scores)


def test_this_run_stands_last_beside_published_results(tmp_path: Path, scores: Scores) -> None:
    section = page_of(tmp_path, scores).split("Beside published results")[1]
    *_, last = re.findall(r"<tr.*?</tr>", section, re.DOTALL)
    assert "this run" in last
    assert f"{scores.metrics().sdr['2']:.2f}" in last
    for text in ("Truth: senior annotator.", "Split: test, 8 films.", "Landmarks scored: 3 (A S Pn)", "0.25 mm"):
        assert text in section
