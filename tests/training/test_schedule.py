import itertools
import math

import pytest

from cephkit.training.schedule import learning_rate, patience_is_over


def rates(total: int, warmup: int, peak: float = 1.0) -> list[float]:
    return [learning_rate(step, total, warmup, peak) for step in range(total)]


def test_warmup_is_linear_from_near_zero_to_the_peak() -> None:
    warmup = rates(total=1000, warmup=100)[:100]
    assert warmup[0] == pytest.approx(0.01)
    assert warmup[-1] == pytest.approx(1.0)
    steps = [b - a for a, b in itertools.pairwise(warmup)]
    assert max(steps) == pytest.approx(min(steps))


def test_cosine_falls_to_near_zero_at_the_last_step_and_not_before() -> None:
    after = rates(total=1000, warmup=100)[100:]
    assert after == sorted(after, reverse=True)
    assert after[450] == pytest.approx(0.5, abs=0.01)
    assert 0 < after[-1] < 1e-5
    assert after[-100] == pytest.approx(0.5 * (1 + math.cos(math.pi * 801 / 901)))


def test_a_warmup_longer_than_the_run_is_cut_to_it() -> None:
    assert rates(total=4, warmup=100) == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_no_warmup_starts_near_the_peak() -> None:
    assert rates(total=100, warmup=0)[0] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("step", [-1, 10])
def test_a_step_outside_the_run_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match="outside a run of 10"):
        learning_rate(step, 10, 2, 1.0)


@pytest.mark.parametrize(
    ("epoch", "best_epoch", "patience", "frequency", "over"),
    [
        (20, 0, 20, 1, False),  # no best yet
        (7, 5, 2, 1, True),
        (6, 5, 2, 1, False),
        (8, 5, 3, 5, False),  # no validation since the best
        (10, 5, 3, 5, True),
        (12, 5, 7, 5, False),  # the last validation was at 10
        (15, 5, 7, 5, True),
    ],
)
def test_patience_counts_up_to_the_last_validation(
    epoch: int, best_epoch: int, patience: int, frequency: int, over: bool
) -> None:
    assert patience_is_over(epoch, best_epoch, patience, frequency) is over
