import threading
from collections.abc import Iterator

import pytest

from cephkit.inference.stream import batched, in_order


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order(workers: int) -> None:
    assert list(in_order(lambda item: item**2, range(20), workers)) == [item**2 for item in range(20)]


def test_few_items_are_taken_ahead_of_what_is_used() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), workers=2, ahead=3)
    for used in range(10):
        assert next(results) == used
        assert len(taken) <= used + 5


def test_threads_work_side_by_side() -> None:
    both = threading.Barrier(2, timeout=20)
    assert len(list(in_order(lambda _: both.wait(), range(2), workers=2))) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_where_its_result_would_have_come(workers: int) -> None:
    results = in_order(lambda item: 1 // (item - 2), range(9), workers)
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_batches() -> None:
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batched([], 2)) == []
