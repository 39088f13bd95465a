from pathlib import Path

import pytest

import cephkit
from cephkit.screen import ProgressBar, track


def test_without_a_terminal_there_are_lines_only(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(3, "films") as bar:
        bar.update(1)
        bar.notify("[1/3] a :smile:.png: 3 [red]landmarks[/] " + 200 * "x")
        bar.update(2)
    assert capsys.readouterr().out == "[1/3] a :smile:.png: 3 [red]landmarks[/] " + 200 * "x" + "\n"


def test_without_a_terminal_figures_are_printed_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([100.0, 100.0, 129.0, 130.0, 130.0])
    monkeypatch.setattr("cephkit.screen.time.monotonic", lambda: next(now))
    with ProgressBar(plain_every_s=30) as bar:
        for step in (1, 2, 3):
            bar.update(step, f"loss 0.{step}", 9)
    assert capsys.readouterr().out == "step 1/9  loss 0.1\nstep 3/9  loss 0.3\n"


@pytest.mark.parametrize(("estimate", "figures"), [(True, "left"), (False, "loss 0.1")])
def test_on_a_terminal_there_is_a_bar_below_the_lines(
    estimate: bool, figures: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    with ProgressBar(title="films", estimate=estimate) as bar:
        bar.update(1, "loss 0.1", 2)
        bar.notify("a.png: 3 [red]landmarks[/]" + 60 * "x")
        bar._bar.refresh()
    printed = capsys.readouterr().out
    assert "a.png: 3 [red]landmarks[/]" + 60 * "x" in printed
    drawn = printed.split("landmarks")[-1]
    assert all(part in drawn for part in ("films", "1/2", figures))


def test_a_quiet_bar_prints_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with ProgressBar(2, quiet=True, plain_every_s=0) as bar:
        bar.update(1, "loss 0.1")
        bar.notify("a line")
    assert capsys.readouterr().out == ""


def test_tracked_items_come_through_and_leave_stdout_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(track(iter("abc"), "reading", 3)) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "reading" in printed.err


def test_nothing_else_draws_bars() -> None:
    sources = Path(cephkit.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "rich.progress" in path.read_text("utf-8")] == ["screen.py"]
