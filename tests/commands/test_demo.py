"""The commands of ``cephkit demo``."""

import pytest

from cephkit.commands import Command
from cephkit.commands.demo import run
from cephkit.errors import CephkitError


def test_each_command_is_printed_and_a_failed_one_ends_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[list[str]] = []

    def main(self: Command, argv: list[str]) -> int:
        given.append(argv)
        return len(given) - 1

    monkeypatch.setattr(Command, "main", main)
    run(["plan", "--vram", 8, "--model", "a b"])
    assert given == [["--vram", "8", "--model", "a b"]]
    assert capsys.readouterr().out == "\n$ cephkit plan --vram 8 --model 'a b'\n"
    with pytest.raises(CephkitError, match="cephkit plan ended with status 1"):
        run(["plan"])
