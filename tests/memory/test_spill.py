from cephkit.memory.spill import SpillWatch


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
