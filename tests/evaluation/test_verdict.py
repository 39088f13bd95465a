import numpy as np

from cephkit.evaluation.compare import Comparison, Difference, compare_errors
from cephkit.evaluation.verdict import verdict


def test_nothing_in_common_is_no_figure() -> None:
    total, _ = compare_errors([[np.inf], [1.0]], [[1.0], [np.inf]], draws=100)
    assert total.mre == Difference(None, None, None)
    assert verdict(total, "mm").startswith("no significant difference: no point")
    alone, _ = compare_errors([[1.0]], [[2.0]], draws=100)
    assert (alone.mre.difference, alone.mre.p, alone.better) == (1.0, None, None)
    assert "too few films" in verdict(alone, "mm")


def test_an_sdr_that_says_the_opposite_leaves_the_verdict_open() -> None:
    surely, doubtful = (-0.5, -0.1), 0.3
    mre, worse = Difference(2.0, 1.7, -0.3, surely, 0.001), Difference(80.0, 70.0, -10.0, (-15.0, -5.0), 0.002)
    one = Comparison(40, 400, 400, 0, 0, mre, {"2": worse})
    assert (one.better, one.contradicting) == (None, ["2"])
    assert verdict(one, "mm").startswith("no significant difference: MRE and SDR@2 contradict each other")
    unsure = Difference(80.0, 79.0, -1.0, (-3.0, 1.0), doubtful)
    assert verdict(Comparison(40, 400, 400, 0, 0, mre, {"2": unsure}), "mm").startswith("B is better: MRE B - A -0.300")
