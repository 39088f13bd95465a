from cephkit.evaluation.published import PUBLISHED, RATE_KEYS


def test_every_row_is_complete_and_plausible() -> None:
    for row in PUBLISHED:
        assert row.data
        assert row.method
        assert 0.5 < float(row.mre.split(" ")[0]) < 5
        rates = [rate for rate in row.rates if rate is not None]
        assert len(row.rates) == len(RATE_KEYS)
        assert rates == sorted(rates)
        assert all(50 < rate < 100 for rate in rates)
