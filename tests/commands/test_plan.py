import json
from typing import Any

import pytest

from cephkit.commands.plan import main
from cephkit.errors import SettingsError
from cephkit.memory.estimate import Assumptions

SMALL = ["--model", "hrnet_w18_small", "--image_size", "128", "128", "--landmarks", "4"]


def test_a_table_with_a_recommendation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--vram", "8", "--effective_batch", "4"]) == 0
    shown = capsys.readouterr().out
    assert "hrnet_w18_small at 128x128, 4 landmarks, heatmap stride 4, half precision" in shown
    assert "recommended: --batch_size 4 --gradient_accumulation_steps 1 --recompute none" in shown
    rows = [line.split() for line in shown.splitlines() if "fits" in line]
    assert [tuple(row[:3]) for row in rows] == [
        *[(size, steps, mode) for mode in ("none", "block", "stage") for size, steps in ("14", "22", "41")],
        ("2", "3", "none"), ("1", "6", "none"),
    ]  # fmt: skip
    assert sum("guide" in line for line in shown.splitlines()) == 3
    for part in ("weights", "gradients", "optimiser", "averaged weights", "activations kept", "temporaries",
                 "input, targets", "convolution workspace (assumed)", "fragmentation (assumed)",
                 "CUDA context (assumed)", "desktop and other programs (assumed)", "of validation"):  # fmt: skip
        assert part in shown
    assert "NOTHING FITS" not in shown


def test_parts_add_up_to_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    main([*SMALL, "--use_ema", "--effective_batch", "2"])
    shown = capsys.readouterr().out
    assert "half precision, averaged weights; card of 8 GiB" in shown
    _, _, details = shown.partition("recommended: ")
    parts = [float(line.split()[-2]) for line in details.splitlines() if line.endswith(" GiB")]
    assert len(parts) == 12
    assert sum(parts[:-1]) == pytest.approx(parts[-1], abs=0.06)


def test_status_1_where_nothing_fits(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cephkit.memory.plan._remedies", lambda plan: ["--model smaller would fit"])
    assert main([*SMALL, "--vram", "1", "--effective_batch", "1"]) == 1
    shown = capsys.readouterr().out
    assert shown.endswith("NOTHING FITS.\n  --model smaller would fit\n")
    assert "the least: --batch_size 1 --gradient_accumulation_steps 1 --recompute " in shown
    assert "recommended" not in shown


def keys(plain: dict[str, Any]) -> set[str]:
    return set(plain)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assumed = ["--desktop", "0", "--context", "0.5", "--workspace", "0", "--fragmentation", "0.1", "--margin", "0.5"]
    assert (
        main([*SMALL, "--json", "--effective_batch", "3", "--loss", "softmax", "--heatmap_stride", "2", *assumed]) == 0
    )
    plan = json.loads(capsys.readouterr().out)
    assert keys(plan) == {"workload", "assumptions", "vram", "margin", "rows", "recommended", "remedies"}
    assert plan["assumptions"] == {"context_gib": 0.5, "desktop_gib": 0, "workspace": 0, "fragmentation": 0.1}
    assert (plan["vram"], plan["margin"]) == (8 * 2**30, 2**29)
    row = plan["rows"][0]
    assert keys(row) == {
        "batch_size", "gradient_accumulation_steps", "recompute", "memory", "margin", "relative_time", "fits", "guide",
        "effective_batch",
    }  # fmt: skip
    assert keys(row["memory"]) == {
        "weights", "gradients", "optimizer", "ema", "inputs", "activations", "temporaries", "workspace",
        "fragmentation", "context", "desktop", "peak_of", "training_peak", "update_peak", "validation_peak",
        "allocated", "process", "card",
    }  # fmt: skip
    assert row["memory"]["workspace"] == row["memory"]["desktop"] == 0
    assert row["memory"]["context"] == 2**29
    assert row["margin"] == plan["vram"] - row["memory"]["card"]
    assert plan["recommended"] in plan["rows"]


def test_settings_that_cannot_work_are_refused_together() -> None:
    with pytest.raises(SettingsError) as refused:
        main(["--vram", "0", "--image_size", "100", "128", "--landmarks", "0", "--fragmentation", "nan"])
    assert [name for name in ("vram", "image_size", "landmarks", "fragmentation") if name in str(refused.value)] == [
        "vram", "image_size", "landmarks", "fragmentation",
    ]  # fmt: skip


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown model 'hrnet_w23'"):
        main(["--model", "hrnet_w23"])


def test_every_option_reaches_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def stop(*arguments: Any) -> None:
        given.extend(arguments)
        raise SettingsError("enough")

    monkeypatch.setattr("cephkit.commands.plan.make_plan", stop)
    with pytest.raises(SettingsError, match="enough"):
        main(["--loss", "softmax", "--heatmap_stride", "2", "--no_mixed_precision", "--channels_last", "--vram", "12"])
    workload, vram, effective_batch, assumptions, margin = given
    assert (workload.spec.loss, workload.spec.heatmap_stride, len(workload.spec.symbols)) == ("softmax", 2, 29)
    assert (workload.spec.model, workload.spec.canvas_size) == ("hrnet", (1024, 1024))
    assert (workload.mixed_precision, workload.use_ema, workload.channels_last) == (False, False, True)
    assert (vram, effective_batch, margin) == (12 * 2**30, 6, 2**28)
    assert assumptions == Assumptions()
