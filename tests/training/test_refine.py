from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from cephkit.data.dataset import FilmDataset
from cephkit.data.film import Film
from cephkit.data.store import FilmStore
from cephkit.errors import CheckpointError
from cephkit.models.refiner import (
    CROP,
    STRIDE,
    Refiner,
    RefinerSpec,
    cell_offsets,
    expected_offsets,
    take_crops,
)
from cephkit.training import refine
from cephkit.training.refine import (
    JITTER,
    TARGET_SIGMA,
    RefinerTraining,
    jittered_crops,
    refiner_loss,
    train_refiner,
    update_average,
)

CANVAS = (160, 160)
SYMBOLS = ("A", "S")
SPEC = RefinerSpec(SYMBOLS, CANVAS, width=8)
CPU = torch.device("cpu")


def quiet(line: str) -> None:
    pass


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
    return torch.stack([item[0] for item in items]).float() / 255, torch.stack([item[1] for item in items])


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
    monkeypatch.setattr(refine, "JITTER", (0.02, 0.05))
    lines: list[str] = []
    settings = RefinerTraining(epochs=30, films_a_step=4, lr=6e-3)
    network = train_refiner(RefinerSpec(SYMBOLS, CANVAS, width=12), films, settings, CPU, lines.append)
    assert network is not None
    assert not network.training
    canvases, points = whole(write_films(tmp_path / "valid", 12, seed=1))
    jitter = torch.randn(points.shape, generator=torch.Generator().manual_seed(2)) * 5
    errors = (corrected(network, canvases, points + jitter) - points).norm(dim=-1)
    assert float(jitter.norm(dim=-1).mean()) > 5.0
    assert float(errors.mean()) < 0.6
    assert float(errors.max()) < 2.0  # each landmark is told from the other one
    assert len(lines) == 30
    assert lines[-1].startswith("refiner epoch 30/30  loss ")
    first, last = (float(line.split()[-1]) for line in (lines[0], lines[-1]))
    assert last < first - 1


def test_the_same_seed_gives_the_same_weights_and_another_others(films: FilmDataset) -> None:
    def weights(seed: int) -> dict[str, Tensor]:
        network = train_refiner(SPEC, films, RefinerTraining(epochs=1, seed=seed), CPU, quiet)
        assert network is not None
        return network.state_dict()

    one, same, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_stopped_training_gives_nothing(films: FilmDataset) -> None:
    steps = []

    def stop() -> bool:
        steps.append(1)
        return len(steps) == 3

    assert train_refiner(SPEC, films, RefinerTraining(epochs=4), CPU, quiet, stop) is None
    assert len(steps) == 3


@pytest.mark.parametrize("after", [1, 4, 6])
def test_stopped_in_any_step_it_goes_on_to_the_same_weights(films: FilmDataset, tmp_path: Path, after: int) -> None:
    spec, settings = RefinerSpec(SYMBOLS, CANVAS, width=2), RefinerTraining(epochs=2)  # of 4 steps
    saved, lines, steps = tmp_path / "state.pth", [], []

    def stop() -> bool:
        steps.append(1)
        return len(steps) == after + 1

    straight, told = train_refiner(spec, films, settings, CPU, lines.append), list(lines)
    assert train_refiner(spec, films, settings, CPU, lines.append, stop, saved) is None
    lines.clear()
    resumed = train_refiner(spec, films, replace(settings, num_workers=1), CPU, lines.append, saved=saved)
    assert lines[0] == f"second stage: going on after step {after} of 8, from {saved}"
    assert lines[1:] == told[after // 4 :]
    assert straight is not None
    assert resumed is not None
    assert all(map(torch.equal, straight.state_dict().values(), resumed.state_dict().values()))


@pytest.mark.parametrize("other", [{"lr": 1e-3}, {"seed": 1}, {"epochs": 3}])
def test_the_state_of_another_training_is_not_gone_on_with(
    films: FilmDataset, tmp_path: Path, other: dict[str, float]
) -> None:
    spec, saved, lines = RefinerSpec(SYMBOLS, CANVAS, width=2), tmp_path / "state.pth", []
    assert train_refiner(spec, films, RefinerTraining(epochs=2), CPU, quiet, saved=saved) is not None
    train_refiner(spec, films, RefinerTraining(**{"epochs": 2, **other}), CPU, lines.append, saved=saved)  # type: ignore[arg-type]
    assert lines[0] == f"{saved} belongs to a second stage with other settings or films: this one starts anew"
    assert "going on" not in lines[1]


def test_a_torn_state_is_an_error_that_says_what_to_do(films: FilmDataset, tmp_path: Path) -> None:
    (tmp_path / "state.pth").write_bytes(b"PK torn")
    with pytest.raises(CheckpointError, match=r"state\.pth: cannot be read.*remove it to start anew"):
        train_refiner(SPEC, films, RefinerTraining(epochs=1), CPU, quiet, saved=tmp_path / "state.pth")


@pytest.mark.parametrize(("epochs", "films_a_step"), [(1, 16), (1, 8), (5, 4), (20, 32)])
def test_any_number_of_steps_can_be_trained(films: FilmDataset, epochs: int, films_a_step: int) -> None:
    # 1, 2 and twice 20 steps; 32 films a step are more than there are.
    spec, steps = RefinerSpec(SYMBOLS, CANVAS, width=2), []
    few = FilmDataset(films.films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))

    def count() -> bool:
        steps.append(1)
        return False

    settings = RefinerTraining(epochs=epochs, films_a_step=films_a_step)
    network = train_refiner(spec, few, settings, CPU, quiet, count)
    assert network is not None
    assert all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
    assert len(steps) == epochs * max(1, 16 // films_a_step)


def test_films_without_landmarks_teach_nothing_and_do_no_harm(films: FilmDataset) -> None:
    bare = [replace(film, annotations={}) for film in films.films[:4]]
    lines: list[str] = []
    torch.manual_seed(0)
    fresh = Refiner(SPEC)
    dataset = FilmDataset(bare, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    network = train_refiner(SPEC, dataset, RefinerTraining(epochs=2, films_a_step=2), CPU, lines.append)
    assert network is not None
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), fresh.parameters(), strict=True))
    assert len(lines) == 2


def ramps(films: int) -> tuple[Tensor, Tensor]:
    """Canvases whose values are the pixel's x, and its y, as shares of 256."""
    rows, columns = torch.meshgrid(torch.arange(CANVAS[0]), torch.arange(CANVAS[1]), indexing="ij")
    return tuple((place / 256).float().expand(films, 1, *CANVAS) for place in (columns, rows))  # type: ignore[return-value]


def test_offsets_say_where_in_the_crop_the_landmark_lies() -> None:
    points = torch.rand(6, 2, 2, generator=torch.Generator().manual_seed(0)) * 20 + 70
    mask = torch.ones(6, 2, dtype=torch.bool)
    settings = RefinerTraining(rotation_degrees=30.0, scale=0.2)
    seen = []
    for canvases in ramps(6):
        torch.manual_seed(3)
        crops, offsets, used = jittered_crops(canvases, points, mask, SPEC, settings)
        assert crops.shape == (6, 2, 2, CROP, CROP)
        assert used.all()
        # Bilinear sampling of a ramp is exact: look the crop's value up at the offset.
        grid = (offsets / (CROP / 2)).flatten(0, 1)[:, None, None]
        fine = crops[:, :, :1].flatten(0, 1)
        value = torch.nn.functional.grid_sample(fine, grid, mode="bilinear", align_corners=False)
        seen.append(value.reshape(6, 2) * 256)
    assert torch.allclose(torch.stack(seen, -1), points, atol=0.02)


def test_guesses_are_as_far_off_as_the_shares_say() -> None:
    spec = RefinerSpec(SYMBOLS, (1000, 800))
    torch.manual_seed(0)
    points, mask = torch.full((2000, 2, 2), 32.0), torch.ones(2000, 2, dtype=torch.bool)
    settings = RefinerTraining(rotation_degrees=0.0, scale=0.0)
    tiny = torch.zeros(2000, 1, 8, 8)
    _, offsets, used = jittered_crops(tiny, points, mask, spec, settings)
    usual, far = (1000 * share for share in JITTER)
    # A mixture of two Gaussians, 4 to 1.
    assert float(offsets.std()) == pytest.approx((0.8 * usual**2 + 0.2 * far**2) ** 0.5, rel=0.05)
    assert torch.equal(used, (offsets.abs() < (CROP - STRIDE) / 2).all(-1))
    assert 0.9 < float(used.float().mean()) < 1.0


def test_a_missing_landmark_is_not_learned() -> None:
    mask = torch.tensor([[True, False], [False, True]])
    _, _, used = jittered_crops(torch.rand(2, 1, *CANVAS), torch.full((2, 2, 2), 80.0), mask, SPEC, RefinerTraining())
    assert torch.equal(used, mask)


def target_logits(offsets: Tensor) -> Tensor:
    places = cell_offsets("cpu")
    squared = (places[None, None, :] - offsets[:, 0, None, None]) ** 2
    squared = squared + (places[None, :, None] - offsets[:, 1, None, None]) ** 2
    return -squared / (2 * TARGET_SIGMA**2)


def test_the_loss_is_least_for_the_target_itself() -> None:
    offsets = torch.tensor([[3.0, -8.5], [0.0, 12.2]])
    best = refiner_loss(target_logits(offsets), offsets)
    # The entropy of a Gaussian of sigma 1 cell.
    assert float(best) == pytest.approx(np.log(2 * np.pi * np.e * (TARGET_SIGMA / STRIDE) ** 2), abs=0.01)
    for change in ((2.0, 0.0), (0.0, -2.0)):
        assert refiner_loss(target_logits(offsets + torch.tensor(change)), offsets) > best + 0.3
    assert refiner_loss(torch.zeros(2, 32, 32), offsets) > best + 2


def test_the_loss_leads_to_the_place() -> None:
    offsets = torch.tensor([[5.0, -11.0]])
    maps = torch.zeros(1, 32, 32, requires_grad=True)
    refiner_loss(maps, offsets).backward()
    assert maps.grad is not None
    # Row, column of the cell at (5, -11): the gradient raises it most.
    assert int((-maps.grad).argmax()) == 10 * 32 + 18


def test_the_average_moves_by_its_share_and_takes_statistics_as_they_are() -> None:
    average, model = (torch.nn.BatchNorm1d(2) for _ in range(2))
    with torch.no_grad():
        model.weight.fill_(3.0)
        model.running_mean.fill_(7.0)  # type: ignore[union-attr]
    update_average(average, model, 0.75)
    assert average.weight.tolist() == [1.5, 1.5]
    assert average.running_mean.tolist() == [7.0, 7.0]  # type: ignore[union-attr]


def test_training_leaves_the_data_set_as_it_is(films: FilmDataset) -> None:
    before = [part.clone() for part in whole(films)]
    train_refiner(RefinerSpec(SYMBOLS, CANVAS, width=2), films, RefinerTraining(epochs=1), CPU, quiet)
    assert all(torch.equal(kept, now) for kept, now in zip(before, whole(films), strict=True))
