import signal

import pytest

from cephkit.interrupt import ending_after_the_step


def test_ctrl_c_is_heard_once_and_the_second_one_interrupts(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with ending_after_the_step() as pressed:
        assert not pressed()
        signal.raise_signal(signal.SIGINT)
        assert pressed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert "ending after this step" in capsys.readouterr().out
