import itertools

from hypothesis import given
from hypothesis import strategies as st

from cephkit.memory.recover import Packing, SpillWatch, smaller


def test_the_guides_way_out_comes_first_then_recomputation() -> None:
    ways = [Packing(2, 3)]
    while (way := smaller(ways[-1])) is not None:
        ways.append(way)
    assert ways == [Packing(2, 3), Packing(1, 6), Packing(1, 6, "block"), Packing(1, 6, "stage")]
    assert str(ways[1]) == "1 x 6"
    assert str(ways[2]) == "1 x 6, recomputing by block"


@given(st.integers(1, 64), st.integers(1, 16))
def test_the_effective_batch_stays_and_every_way_ends(batch: int, accumulation: int) -> None:
    packing: Packing | None = Packing(batch, accumulation)
    seen = []
    while packing is not None:
        assert packing.batch_size * packing.accumulation == batch * accumulation
        seen.append(packing)
        packing = smaller(packing)
    assert len(seen) <= 10
    assert all(later.batch_size <= earlier.batch_size for earlier, later in itertools.pairwise(seen))


def test_a_threefold_step_on_a_full_card_is_told_once_with_the_remedy() -> None:
    watch = SpillWatch()
    assert [watch.step(1.0, 0.97) for _ in range(8)] == [None] * 8
    told = watch.step(9.0, 0.97)
    assert told is not None
    assert "9 times as long" in told
    assert "Sysmem Fallback Policy" in told
    assert watch.step(9.0, 0.97) is None


def test_a_slow_step_with_memory_to_spare_is_no_spill() -> None:
    watch = SpillWatch()
    for _ in range(8):
        watch.step(1.0, 0.5)
    assert watch.step(9.0, 0.5) is None
    assert watch.step(2.9, 0.99) is None


def test_the_first_steps_are_not_judged() -> None:
    watch = SpillWatch()
    assert watch.step(1.0, 0.99) is None
    assert watch.step(9.0, 0.99) is None
