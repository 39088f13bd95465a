"""``cephkit demo``: the whole way once, small, printing every command as a user would type it."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from cephkit.commands import COMMANDS
from cephkit.errors import CephkitError
from cephkit.settings.options import Options
from cephkit.settings.reading import parse


@dataclass(frozen=True, kw_only=True)
class DemoOptions(Options):
    """Write a small synthetic data set, train on it, evaluate on its test split, predict and measure one film."""

    out: Path = Path("demo")
    """Folder for everything that the demo writes."""
    films: int = 100
    """Films of the synthetic data set."""
    epochs: int = 30
    """Epochs of training."""


def main(argv: list[str]) -> int:
    """Run the demo; the status is 0 if every command succeeded.

    Raises:
        CephkitError: a command failed.
    """
    options = parse(DemoOptions, argv, "cephkit demo")
    out = options.out
    data, model, logs = out / "Aariz", out / "checkpoints", out / "logs"
    checkpoint = model / "checkpoint_best.pth"
    run(["synthesize", "--out", data, "--films", options.films, "--seed", 1, "--overwrite"])
    run([
        "train", "--dataset_path", data, "--model", "hrnet_w18_small", "--no_pretrained", "--image_size", 256, 256,
        "--batch_size", 8, "--gradient_accumulation_steps", 1, "--lr", 2e-3, "--warmup_epochs", 2, "--epochs",
        options.epochs, "--mixed_precision", "--channels_last", "--use_ema", "--no_refine", "--num_workers", 0,
        "--use_ram_cache",
        "--save_dir", model, "--log_dir", logs, "--device", "cpu",
    ])  # fmt: skip
    run([
        "evaluate", "--checkpoint", checkpoint, "--dataset_path", data, "--split", "test", "--device", "cpu",
        "--out", out / "evaluation",
    ])  # fmt: skip
    films = data / "test" / "Cephalograms"
    about = data / "cephalogram_machine_mappings.csv"
    run([
        "predict", "--checkpoint", checkpoint, min(films.iterdir()), "--about", about, "--device", "cpu",
        "--out", out / "prediction",
    ])  # fmt: skip
    run(["measure", out / "prediction", "--films", films, "--out", out / "measurements"])

    metrics = json.loads((out / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    overlay = next((out / "prediction").glob("*.png"))
    print()
    print(f"error on {metrics['films']} test films it never saw: MRE {metrics['mre_mm']:.2f} mm, "
          f"SDR@2 {metrics['sdr']['2']:.0f} % (synthetic films, a very short training)")  # fmt: skip
    print(f"overlay:     {overlay}")
    print(f"sheet:       {next((out / 'measurements').glob('*_sheet.html'))}")
    print(f"TensorBoard: tensorboard --logdir {logs}    ({next(logs.glob('events.out.tfevents.*'))})")
    return 0


def run(command: list[object]) -> None:
    """Print and run one ``cephkit`` command in this process.

    Raises:
        CephkitError: it failed, or its status is not 0.
    """
    name, *argv = (str(word) for word in command)
    print(f"\n$ cephkit {shlex.join([name, *argv])}", flush=True)
    status = COMMANDS[name].main(argv)
    if status != 0:
        raise CephkitError(f"the demo stopped: cephkit {name} ended with status {status}")
