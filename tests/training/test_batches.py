from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cephkit.training.batches import MicroBatch, PlanSampler, epoch_order, epoch_plan, steps_per_epoch

plans = st.tuples(
    st.integers(1, 60),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 9),
    st.integers(0, 99),
    st.integers(1, 3),
)


@given(plans)
def test_every_film_is_seen_once_an_epoch_over_all_processes(settings: tuple[int, ...]) -> None:
    films, batch, accumulation, epoch, seed, world = settings
    ranks = [epoch_plan([1.0] * films, batch, accumulation, epoch, seed, world, rank) for rank in range(world)]
    seen = Counter(film for plan in ranks for micro in plan if micro.weight for film in micro.films)
    assert seen == Counter(range(films))


@given(plans)
def test_processes_take_the_same_steps_and_a_step_knows_its_films(settings: tuple[int, ...]) -> None:
    films, batch, accumulation, epoch, seed, world = settings
    ranks = [epoch_plan([1.0] * films, batch, accumulation, epoch, seed, world, rank) for rank in range(world)]
    assert len({tuple(micro.ends_step for micro in plan) for plan in ranks}) == 1
    assert sum(micro.ends_step for micro in ranks[0]) == steps_per_epoch(films, batch * accumulation * world)
    assert all(len(micro.films) <= batch for plan in ranks for micro in plan)
    in_step, steps = 0, []
    for passes in zip(*ranks, strict=True):
        in_step += sum(len(micro.films) for micro in passes if micro.weight)
        if passes[0].ends_step:
            steps.append((in_step, passes[0].step_films))
            in_step = 0
    assert all(counted == told for counted, told in steps)


def test_the_remainder_of_an_epoch_makes_its_own_step() -> None:
    plan = epoch_plan([1.0] * 10, batch_size=2, accumulation=3, epoch=0, seed=0)
    assert [len(micro.films) for micro in plan] == [2, 2, 2, 2, 2]
    assert [micro.step_films for micro in plan] == [6, 6, 6, 4, 4]
    assert [micro.ends_step for micro in plan] == [False, False, True, False, True]


def order(plan: list[MicroBatch]) -> list[int]:
    return [film for micro in plan for film in micro.films]


def test_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    assert order(epoch_plan([1.0] * 30, 2, 3, epoch=4, seed=1)) == order(epoch_plan([1.0] * 30, 6, 1, epoch=4, seed=1))
    assert order(epoch_plan([1.0] * 30, 2, 3, epoch=4, seed=1)) != order(epoch_plan([1.0] * 30, 2, 3, epoch=5, seed=1))
    assert order(epoch_plan([1.0] * 30, 2, 3, epoch=4, seed=1)) != order(epoch_plan([1.0] * 30, 2, 3, epoch=4, seed=2))


@pytest.mark.parametrize("epoch", [0, 1])
def test_the_sampler_hands_out_the_plan_of_the_moment(epoch: int) -> None:
    sampler = PlanSampler()
    sampler.plan = epoch_plan([1.0] * 5, 2, 1, epoch, seed=0)
    assert list(sampler) == [list(micro.films) for micro in sampler.plan]
    assert len(sampler) == 3


def test_equal_weights_change_nothing_and_others_draw_in_proportion() -> None:
    assert epoch_order([2.0] * 40, epoch=3, seed=1) == epoch_order([1.0] * 40, epoch=3, seed=1)
    weights = [1.0] * 30 + [4.0] * 10  # the ten are due 40 * 4 / 70 = 2.29 times an epoch, the others 0.57 times
    total = np.zeros(40)
    for epoch in range(350):
        order = epoch_order(weights, epoch, seed=1)
        counts = np.bincount(order, minlength=40)
        assert len(order) == 40
        assert set(counts[:30].tolist()) <= {0, 1}
        assert set(counts[30:].tolist()) <= {2, 3}
        total += counts
    assert total[:30] / 350 == pytest.approx(np.full(30, 40 / 70), abs=0.12)
    assert total[30:] / 350 == pytest.approx(np.full(10, 160 / 70), abs=0.12)
    assert epoch_order(weights, 5, seed=1) == epoch_order(weights, 5, seed=1)
    assert epoch_order(weights, 5, seed=1) != epoch_order(weights, 6, seed=1)
