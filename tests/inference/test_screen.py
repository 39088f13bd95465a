import pytest

from cephkit.inference.screen import Screen


def test_without_a_terminal_there_are_lines_only(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(3) as screen:
        for line in ("a.png: 3 [red]landmarks[/]", "", "c.png"):
            screen.show(line)
    assert capsys.readouterr().out == "[1/3] a.png: 3 [red]landmarks[/]\n[3/3] c.png\n"


def test_on_a_terminal_there_is_a_bar_below_the_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    with Screen(2) as screen:
        screen.show("a.png: 3 [red]landmarks[/]" + 60 * "x")
        screen._progress.refresh()
    shown = capsys.readouterr().out
    assert "[1/2] a.png: 3 [red]landmarks[/]" + 60 * "x" in shown
    assert "1/2" in shown.split("landmarks")[1]
