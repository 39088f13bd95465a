import copy
import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate

from cephkit.data.dataset import FilmDataset
from cephkit.data.film import Film
from cephkit.data.store import FilmStore
from cephkit.errors import CephkitError, CheckpointError
from cephkit.models.refiner import Refiner, RefinerSpec, expected_offsets, take_crops
from cephkit.task import refiner as task_module
from cephkit.task.refiner import RefinerTask
from cephkit.task.task import Output
from cephkit.training.batches import epoch_plan
from cephkit.training.refine import EMA_DECAY, RefinerTraining, train_refiner
from cephkit.training.schedule import learning_rate
from tests.training.conftest import Lines, cpu
from tests.training.test_resume import StopAfter

CANVAS = (160, 160)
SYMBOLS = ("A", "S")
SPEC = RefinerSpec(SYMBOLS, CANVAS, width=8)


def write_films(folder: Path, count: int, seed: int) -> FilmDataset:
    """Films on which A is a small bright disc and S a ring, both in noise."""
    rng, films = np.random.default_rng(seed), []
    folder.mkdir()
    rows, columns = np.mgrid[: CANVAS[0], : CANVAS[1]]
    for index in range(count):
        (ax, ay), (sx, sy) = np.array([(45, 80), (112, 80)]) + rng.uniform(-14, 14, (2, 2))
        disc = np.hypot(columns - ax, rows - ay) < 4
        ring = np.abs(np.hypot(columns - sx, rows - sy) - 6) < 1.5
        picture = 90 + 90.0 * disc + 90.0 * ring + rng.normal(0, 6, CANVAS)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.png")
        marks = {"A": (float(ax), float(ay)), "S": (float(sx), float(sy))}
        films.append(Film(str(index), folder / f"{index}.png", "train", annotations={"senior": marks}, size=CANVAS))
    return FilmDataset(films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FilmDataset:
    return write_films(tmp_path_factory.mktemp("refine") / "train", 16, seed=0)


def whole(dataset: FilmDataset) -> tuple[Tensor, Tensor]:
    """Canvases (N, 1, H, W) in [0, 1] and points (N, K, 2)."""
    items = [dataset[index] for index in range(len(dataset))]
    return torch.stack([item.canvas for item in items]).float() / 255, torch.stack([item.points for item in items])


@torch.no_grad()
def corrected(network: Refiner, canvases: Tensor, guesses: Tensor) -> Tensor:
    """(N, K, 2) the guesses after a second look."""
    crops = take_crops(canvases, guesses)
    landmark = torch.arange(len(SYMBOLS)).expand(guesses.shape[:2])
    offsets, _ = expected_offsets(network(crops.flatten(0, 1), landmark.flatten()))
    return guesses + offsets.unflatten(0, guesses.shape[:2])


def test_it_learns_to_correct_guesses_on_films_that_it_has_not_seen(
    films: FilmDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On canvases this small the jitter of real films would be less than a pixel.
    monkeypatch.setattr(task_module, "JITTER", (0.02, 0.05))
    screen = Lines()
    settings = RefinerTraining(epochs=30, films_a_step=4, lr=6e-3)
    network = train_refiner(RefinerSpec(SYMBOLS, CANVAS, width=12), films, settings, cpu(), screen)
    assert network is not None
    assert not network.training
    canvases, points = whole(write_films(tmp_path / "valid", 12, seed=1))
    jitter = torch.randn(points.shape, generator=torch.Generator().manual_seed(2)) * 5
    errors = (corrected(network, canvases, points + jitter) - points).norm(dim=-1)
    assert float(jitter.norm(dim=-1).mean()) > 5.0
    assert float(errors.mean()) < 0.6
    assert float(errors.max()) < 2.0  # each landmark is told from the other one
    assert len(screen.lines) == 30
    assert screen.lines[-1].startswith("second stage: epoch 30/30  train loss ")
    first, last = (float(line.split()[-1]) for line in (screen.lines[0], screen.lines[-1]))
    assert last < first - 1


def test_the_same_seed_gives_the_same_weights_and_another_others(films: FilmDataset) -> None:
    def weights(seed: int) -> dict[str, Tensor]:
        network = train_refiner(SPEC, films, RefinerTraining(epochs=1, seed=seed), cpu(), Lines())
        assert network is not None
        return network.state_dict()

    one, same, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_stopped_training_gives_nothing(films: FilmDataset) -> None:
    stop = StopAfter(3)
    assert train_refiner(SPEC, films, RefinerTraining(epochs=4), cpu(), Lines(), stop) is None
    assert stop.steps == 0


@pytest.mark.parametrize("after", [1, 4, 6])
def test_stopped_after_any_step_it_resumes_to_the_same_weights(films: FilmDataset, tmp_path: Path, after: int) -> None:
    spec, settings = RefinerSpec(SYMBOLS, CANVAS, width=2), RefinerTraining(epochs=2)  # of 4 steps
    saved, whole, rest = tmp_path / "state.pth", Lines(), Lines()
    straight = train_refiner(spec, films, settings, cpu(), whole, log_dir=tmp_path / "straight")
    stop, log_dir = StopAfter(after), tmp_path / "stopped"
    assert train_refiner(spec, films, settings, cpu(), Lines(), stop, saved, log_dir) is None
    with_worker = replace(settings, num_workers=1)
    resumed = train_refiner(spec, films, with_worker, cpu(), rest, saved=saved, log_dir=log_dir)
    assert rest.lines[0] == f"second stage: resuming after step {after} of 8, from {saved}"
    assert rest.lines[1:] == whole.lines[after // 4 :]
    assert straight is not None
    assert resumed is not None
    assert all(map(torch.equal, straight.state_dict().values(), resumed.state_dict().values()))
    for name in ("epochs.csv", "steps.csv"):
        assert rows(tmp_path / "straight" / name) == rows(log_dir / name)


def rows(path: Path) -> list[dict[str, str]]:
    """A log without what time and machine decide."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if "System" not in k} for row in csv.DictReader(file)]


def test_the_log_has_every_step_and_epoch_and_a_new_one_overwrites_nothing(films: FilmDataset, tmp_path: Path) -> None:
    spec, settings = RefinerSpec(SYMBOLS, CANVAS, width=2), RefinerTraining(epochs=2)
    for _ in range(2):
        train_refiner(spec, films, settings, cpu(), Lines(), log_dir=tmp_path / "log")
        steps = rows(tmp_path / "log" / "steps.csv")
        assert [row["step"] for row in steps] == [str(step) for step in range(1, 9)]
        epochs = rows(tmp_path / "log" / "epochs.csv")
        assert len(list((tmp_path / "log").glob("events.out.tfevents.*"))) == 1
        mean = np.mean([float(row["Train/BatchLoss"]) for row in steps[4:]])
        assert float(epochs[1]["Train/EpochLoss"]) == pytest.approx(mean)
    (aside,) = (tmp_path / "log").glob("earlier_*")
    assert rows(aside / "epochs.csv") == epochs


def test_the_weights_are_those_of_a_plain_loop(films: FilmDataset) -> None:
    spec, settings = RefinerSpec(SYMBOLS, CANVAS, width=4), RefinerTraining(epochs=2, seed=3)
    trained = train_refiner(spec, films, settings, cpu(), Lines())
    torch.manual_seed(3)
    network = Refiner(spec).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    task, step = RefinerTask(spec, torch.device("cpu"), settings.rotation_degrees, settings.scale), 0
    for epoch in range(2):
        for micro in epoch_plan([1.0] * 16, 4, 1, epoch, seed=3):
            batch = default_collate([films[index] for index in micro.films])
            optimizer.zero_grad()
            (task(network, batch).loss / 4).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.param_groups[0]["lr"] = learning_rate(step, 8, round(0.05 * 8), settings.lr)
            optimizer.step()
            step += 1
            with torch.no_grad():
                for kept, new in zip(average.parameters(), network.parameters(), strict=True):
                    kept.lerp_(new, 1 - min(EMA_DECAY, step / (step + 10)))
                for old, now in zip(average.buffers(), network.buffers(), strict=True):
                    old.copy_(now)
    assert trained is not None
    assert all(map(torch.equal, trained.state_dict().values(), average.state_dict().values()))


def spoil(monkeypatch: pytest.MonkeyPatch, calls: Sequence[int], error: Exception | None = None) -> None:
    """The loss of these passes is NaN, or they raise ``error``."""
    real, made = RefinerTask.__call__, []

    def spoiled(*arguments: Any) -> Output:
        output = real(*arguments)
        made.append(1)
        if len(made) not in calls:
            return output
        if error is not None:
            raise error
        return Output(output.loss * float("nan"), output.maps)

    monkeypatch.setattr(RefinerTask, "__call__", spoiled)


def test_a_step_that_is_not_finite_is_skipped(films: FilmDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, [2, 5])
    screen = Lines()
    network = train_refiner(RefinerSpec(SYMBOLS, CANVAS, width=2), films, RefinerTraining(epochs=2), cpu(), screen)
    assert network is not None
    assert all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
    assert screen.lines[0] == "second stage: step 2: loss or gradients not finite, skipped (1 so far)"
    assert screen.lines[-1].endswith("2 steps skipped so far")


def test_out_of_memory_packs_a_step_smaller(films: FilmDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, settings = RefinerSpec(SYMBOLS, CANVAS, width=2), RefinerTraining(epochs=1)
    full = torch.OutOfMemoryError("CUDA out of memory")
    with monkeypatch.context() as patched:
        spoil(patched, [2, 4], full)
        screen = Lines()
        assert train_refiner(spec, films, settings, cpu(), screen) is not None
    assert (
        screen.lines[0]
        == "second stage: step 2: out of memory with 4 x 1; continuing with 2 x 2, the same effective batch"
    )
    assert "with 2 x 2; continuing with 1 x 4" in screen.lines[1]
    assert screen.lines[2].startswith("second stage: epoch 1/1")


def test_when_nothing_helps_the_state_is_saved(
    films: FilmDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, saved, full = (
        RefinerSpec(SYMBOLS, CANVAS, width=2),
        tmp_path / "s.pth",
        torch.OutOfMemoryError("out of memory"),
    )
    straight = train_refiner(spec, films, RefinerTraining(epochs=1), cpu(), Lines())
    with monkeypatch.context() as patched:
        spoil(patched, [3, 4, 5], full)
        with pytest.raises(CephkitError, match=r"ran out of memory.*1 x 4.*--refine_size.*to resume from step 2"):
            train_refiner(spec, films, RefinerTraining(epochs=1), cpu(), Lines(), saved=saved)
    resumed = train_refiner(spec, films, RefinerTraining(epochs=1), cpu(), Lines(), saved=saved)
    assert straight is not None
    assert resumed is not None
    assert all(map(torch.equal, straight.state_dict().values(), resumed.state_dict().values()))


def test_float16_has_its_scaler_and_a_resume_restores_it(films: FilmDataset, tmp_path: Path) -> None:
    def half() -> Fabric:
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**4)  # what a first stage left
        fabric = Fabric(accelerator="cpu", devices=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])
        fabric.launch()
        return fabric

    spec, saved, settings = RefinerSpec(SYMBOLS, CANVAS, width=2), tmp_path / "s.pth", RefinerTraining(epochs=2)
    straight = train_refiner(spec, films, settings, half(), Lines())
    assert train_refiner(spec, films, settings, half(), Lines(), StopAfter(3), saved) is None
    scaler = torch.load(saved, weights_only=True)["training"]["scaler"]
    assert scaler["scale"] * 2 ** (3 - scaler["_growth_tracker"]) == 2.0**16  # of 3 steps some overflowed
    resumed = train_refiner(spec, films, settings, half(), Lines(), saved=saved)
    assert straight is not None
    assert resumed is not None
    assert all(map(torch.equal, straight.state_dict().values(), resumed.state_dict().values()))


@pytest.mark.parametrize("other", [{"lr": 1e-3}, {"seed": 1}, {"epochs": 3}])
def test_the_state_of_another_training_is_not_resumed(
    films: FilmDataset, tmp_path: Path, other: dict[str, float]
) -> None:
    spec, saved, screen = RefinerSpec(SYMBOLS, CANVAS, width=2), tmp_path / "state.pth", Lines()
    assert train_refiner(spec, films, RefinerTraining(epochs=2), cpu(), Lines(), saved=saved) is not None
    train_refiner(spec, films, RefinerTraining(**{"epochs": 2, **other}), cpu(), screen, saved=saved)  # type: ignore[arg-type]
    assert screen.lines[0] == f"{saved} belongs to a second stage with other settings or films: this one starts over"
    assert "epoch 1/" in screen.lines[1]


def test_a_torn_state_is_an_error_that_says_what_to_do(films: FilmDataset, tmp_path: Path) -> None:
    (tmp_path / "state.pth").write_bytes(b"PK torn")
    with pytest.raises(CheckpointError, match=r"state\.pth: cannot be read.*remove it to start over"):
        train_refiner(SPEC, films, RefinerTraining(epochs=1), cpu(), Lines(), saved=tmp_path / "state.pth")


@pytest.mark.parametrize(("epochs", "films_a_step"), [(1, 16), (1, 8), (5, 4), (20, 32)])
def test_any_number_of_steps_can_be_trained(films: FilmDataset, epochs: int, films_a_step: int) -> None:
    # 1, 2 and twice 20 steps; 32 films a step are more than there are.
    spec, steps = RefinerSpec(SYMBOLS, CANVAS, width=2), []
    few = FilmDataset(films.films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))

    def count() -> bool:
        steps.append(1)
        return False

    settings = RefinerTraining(epochs=epochs, films_a_step=films_a_step)
    network = train_refiner(spec, few, settings, cpu(), Lines(), count)
    assert network is not None
    assert all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
    assert len(steps) == epochs * max(1, 16 // films_a_step)


def test_films_without_landmarks_teach_nothing_and_do_no_harm(films: FilmDataset) -> None:
    bare = [replace(film, annotations={}) for film in films.films[:4]]
    screen = Lines()
    torch.manual_seed(0)
    fresh = Refiner(SPEC)
    dataset = FilmDataset(bare, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    network = train_refiner(SPEC, dataset, RefinerTraining(epochs=2, films_a_step=2), cpu(), screen)
    assert network is not None
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), fresh.parameters(), strict=True))
    assert len(screen.lines) == 2


def test_training_leaves_the_data_set_as_it_is(films: FilmDataset) -> None:
    before = [part.clone() for part in whole(films)]
    train_refiner(RefinerSpec(SYMBOLS, CANVAS, width=2), films, RefinerTraining(epochs=1), cpu(), Lines())
    assert all(torch.equal(kept, now) for kept, now in zip(before, whole(films), strict=True))
