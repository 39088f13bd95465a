"""The command table and the README's commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cephkit import cli
from cephkit.commands import COMMANDS
from cephkit.errors import FilmError

ROOT = Path(__file__).parents[1]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name}" in said for name in COMMANDS)
    assert "not a medical device" in said


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage: cephkit" in capsys.readouterr().out


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trian"]) == 2
    assert "no command 'trian'; did you mean 'train'?" in capsys.readouterr().err


def test_an_error_for_the_user_has_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cephkit.commands import train as command

    def broken(argv: list[str]) -> int:
        raise FilmError("a.png: is empty; copy it again")

    monkeypatch.setattr(command, "main", broken)
    assert cli.main(["train"]) == 2
    assert capsys.readouterr().err == "error: a.png: is empty; copy it again\n"


def test_ctrl_c_outside_a_run_ends_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cephkit.commands import train as command

    def interrupted(argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "main", interrupted)
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise on Windows")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-c", "from cephkit import cli; from tests import chatty; cli.run(chatty.main, [])"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


def test_help_imports_no_heavy_library() -> None:
    # What makes help slow is importing torch: that it is not imported says it without a clock.
    code = (
        "import sys; from cephkit import cli; cli.main(['--help']); "
        "sys.exit(bool({'torch', 'numpy', 'timm', 'tyro', 'PIL', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT).returncode == 0


def test_only_the_help_of_plan_imports_torch() -> None:
    code = (
        "import sys; from cephkit.commands import COMMANDS\n"
        "for name, command in COMMANDS.items():\n    if name != 'plan': command.options_class()\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT).returncode == 0


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_commands_help_names_its_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: cephkit {command}" in said
    assert "default" in said


def test_train_help_names_every_flag_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import fields

    from cephkit.config import TrainConfig

    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    said = capsys.readouterr().out
    for field in fields(TrainConfig):
        assert f"--{field.name}" in said
    assert said.count("(default:") == len(fields(TrainConfig))
    assert "--config FILE.yaml" in said
    assert "--multi_gpu" in said


def test_the_guides_script_is_cephkit_train() -> None:
    done = subprocess.run(
        [sys.executable, "train_1024x1024.py", "--epochs", "0"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert "--epochs must be 1 or more, got 0" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX pipe")
@pytest.mark.parametrize(("ending", "status"), [("return 0", 0), ("raise KeyboardInterrupt", 130)])
def test_a_reader_that_is_gone_does_not_change_the_status(ending: str, status: int) -> None:
    # The line is still in the buffer when the command ends, and its reader has closed the pipe by then.
    code = (
        "import os, sys; from cephkit.cli import run\n"
        "def command(argv):\n    print('a line'); os.read(0, 1); " + ending + "\n"
        "sys.exit(run(command, []))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.close()
    process.stdin.write(b"x")
    process.stdin.flush()
    assert process.wait(60) == status
