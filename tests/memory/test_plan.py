import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cephkit.errors import SettingsError
from cephkit.memory import GIB
from cephkit.memory.estimate import Assumptions, Memory
from cephkit.memory.plan import MODES, Plan, Row, best, choose_setting, make_plan
from cephkit.memory.recover import Recompute
from cephkit.memory.trace import Workload
from cephkit.models.spec import ModelSpec

WORKLOAD = Workload(ModelSpec("hrnet_w18_small", tuple(f"landmark {index}" for index in range(4)), (128, 128)))


@pytest.fixture(scope="module")
def roomy() -> Plan:
    return make_plan(WORKLOAD, 8 * GIB, margin=GIB // 4)


def by_setting(plan: Plan) -> dict[tuple[int, int, str], Row]:
    return {(row.batch_size, row.gradient_accumulation_steps, row.recompute): row for row in plan.rows}


def test_every_setting_of_the_effective_batch_and_the_guides_rows(roomy: Plan) -> None:
    rows = by_setting(roomy)
    assert set(rows) == {(b, 6 // b, mode) for b in (1, 2, 3, 6) for mode in MODES} | {(2, 2, "none")}
    assert [key for key, row in rows.items() if row.guide] == [(1, 6, "none"), (2, 3, "none"), (2, 2, "none")]
    assert rows[2, 3, "none"].relative_time == 1.0
    assert all(row.margin == 8 * GIB - row.memory.card for row in roomy.rows)
    assert all(row.fits for row in roomy.rows)


def test_less_memory_costs_time(roomy: Plan) -> None:
    rows = by_setting(roomy)
    for size in (1, 2, 3, 6):
        none, block, stage = (rows[size, 6 // size, mode] for mode in MODES)
        assert none.memory.card > block.memory.card > stage.memory.card
        assert none.relative_time < block.relative_time
    assert rows[1, 6, "none"].memory.card < rows[2, 3, "none"].memory.card < rows[3, 2, "none"].memory.card
    assert rows[1, 6, "none"].relative_time > rows[6, 1, "none"].relative_time


def test_with_room_for_all_the_fastest_is_recommended(roomy: Plan) -> None:
    assert roomy.recommended is by_setting(roomy)[6, 1, "none"]
    assert roomy.remedies == ()


def test_the_recommendation_keeps_to_the_card_and_the_margin(roomy: Plan) -> None:
    rows = by_setting(roomy)
    vram = rows[2, 3, "none"].memory.card
    tight = make_plan(WORKLOAD, vram)
    assert tight.recommended is not None
    assert tight.recommended.memory.card <= vram
    assert by_setting(tight)[2, 3, "none"].fits
    assert not by_setting(tight)[6, 1, "none"].fits
    with_margin = by_setting(make_plan(WORKLOAD, vram, margin=1))
    assert not with_margin[2, 3, "none"].fits


def test_of_equally_fast_settings_the_one_with_most_films(roomy: Plan) -> None:
    row = roomy.rows[0]

    def timed(batch_size: int, relative_time: float, fits: bool = True) -> Row:
        return replace(row, batch_size=batch_size, relative_time=relative_time, fits=fits)

    rows = [timed(1, 1.00), timed(2, 1.015), timed(3, 1.10), timed(6, 0.5, fits=False)]
    assert best(rows) is rows[1]
    assert best(rows[2:]) is rows[2]
    assert best(rows[3:]) is None
    assert best([]) is None


@dataclass(frozen=True)
class ByArea:
    """An estimator for which only activations count: 4 KiB a pixel, half of it in half precision."""

    workload: Workload
    assumptions: Assumptions
    traced: tuple[int, ...] = (1, 2)

    def memory(self, batch: int, accumulation: int, recompute: Recompute) -> Memory:
        height, width = self.workload.spec.canvas_size
        saved = {"none": 1, "block": 2, "stage": 4}[recompute] * (2 if self.workload.mixed_precision else 1)
        small = 2 if self.workload.spec.model == "hrnet_w18_small" else 1
        activations = 4096 * height * width * batch // saved // small
        return Memory(0, 0, 0, 0, 0, activations, 0, 0, 0, 0, 0, "training", activations, 0, 0)

    def film_seconds(self, batch: int, accumulation: int, recompute: Recompute) -> float:
        return 1.0


def test_where_nothing_fits_it_says_what_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cephkit.memory.plan.Estimator", ByArea)
    # 1 GiB with one film and all of it recomputed.
    workload = Workload(ModelSpec("hrnet", ("A",), (1024, 1024)), mixed_precision=False)

    def remedies(gib: float, **options: Any) -> list[str]:
        plan = make_plan(workload, int(gib * GIB), 6, **options)
        assert plan.recommended is None
        return [text.partition(" would")[0] for text in plan.remedies]

    sizes = ["--image_size 768 768", "--image_size 512 512"]
    assert remedies(0.9) == ["--mixed_precision", *sizes, "--model hrnet_w18_small", "a card with 1.0 GiB"]
    assert remedies(0.3) == [sizes[1], "a card with 1.0 GiB"]
    assert remedies(0.1) == ["a card with 1.0 GiB"]
    assert remedies(1.0, margin=GIB // 10)[:1] == ["--mixed_precision"]
    assert remedies(1.5, batch_sizes=[2]) == [
        "--batch_size 1 --recompute stage", "--mixed_precision", *sizes, "--model hrnet_w18_small",
        "a card with 2.0 GiB",
    ]  # fmt: skip
    with pytest.raises(SettingsError, match=r"hrnet at 1024x1024 does not fit into 0\.90 GiB: the least is 1\.00 GiB "):
        choose_setting(workload, int(0.9 * GIB), effective_batch=2)


def test_a_plan_is_plain_types(roomy: Plan) -> None:
    plain = json.loads(json.dumps(roomy.to_dict()))
    assert plain["vram"] == 8 * GIB
    assert plain["margin"] == GIB // 4
    assert plain["workload"]["spec"]["model"] == "hrnet_w18_small"
    assert plain["workload"]["spec"]["symbols"] == 4
    assert plain["recommended"]["batch_size"] == 6
    assert plain["rows"][0]["effective_batch"] == 6
    assert plain["rows"][0]["memory"]["card"] == roomy.rows[0].memory.card
    assert plain["assumptions"]["desktop_gib"] == 0.8


def test_choosing_for_a_run_leaves_the_desktop_out(roomy: Plan) -> None:
    budget = by_setting(roomy)[6, 1, "none"].memory.process
    row = choose_setting(WORKLOAD, budget, effective_batch=6)
    assert (row.batch_size, row.gradient_accumulation_steps, row.recompute) == (6, 1, "none")
    assert row.memory.desktop == 0
    smaller = choose_setting(WORKLOAD, budget - 1, effective_batch=6)
    assert smaller.memory.card <= budget - 1
    assert smaller.batch_size * smaller.gradient_accumulation_steps == 6


def test_what_is_given_is_kept() -> None:
    row = choose_setting(WORKLOAD, GIB, effective_batch=6, batch_size=2)
    assert (row.batch_size, row.gradient_accumulation_steps, row.recompute) == (2, 3, "none")
    row = choose_setting(WORKLOAD, GIB, effective_batch=6, recompute="stage")
    assert (row.batch_size, row.recompute) == (6, "stage")


def test_what_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(SettingsError, match="6 is not a multiple of batch size 4; use one of 1, 2, 3, 6"):
        choose_setting(WORKLOAD, GIB, effective_batch=6, batch_size=4)


def test_a_network_without_blocks_has_no_rows_with_recomputation() -> None:
    plain = replace(WORKLOAD, spec=replace(WORKLOAD.spec, model="vgg11"))
    plan = make_plan(plain, 8 * GIB, effective_batch=2)
    assert {row.recompute for row in plan.rows} == {"none"}
    with pytest.raises(SettingsError, match="no residual blocks"):
        choose_setting(plain, 8 * GIB, effective_batch=2, recompute="block")
