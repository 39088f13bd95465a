"""torchrun's own endings, as statuses and without tracebacks."""

import signal
from typing import Any

import pytest
from torch.distributed import run as torchrun_module
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from cephkit import torchrun


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (None, 0),
        (SignalException("", signal.SIGINT), 130),
        (SignalException("", signal.SIGTERM), 143),
        (ChildFailedError("train", {1: ProcessFailure(1, 77, 2, "")}), 2),
        (ChildFailedError("train", {0: ProcessFailure(0, 77, -9, "")}), 137),
    ],
)
def test_every_end_has_its_status(
    monkeypatch: pytest.MonkeyPatch, end: Exception | None, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: Any) -> None:
        assert arguments.nproc_per_node == "2"
        assert arguments.training_script_args == ["--use_ddp"]
        if end is not None:
            raise end

    monkeypatch.setattr(torchrun_module, "run", run)
    assert torchrun.main(["--nproc_per_node", "2", "train_1024x1024.py", "--use_ddp"]) == status
    assert capsys.readouterr() == ("", "")
