import pytest

from cephkit.config import TrainConfig
from cephkit.doctor.checks import Check
from cephkit.doctor.guide import settings_checks
from cephkit.memory.recover import Packing

GUIDE = TrainConfig(mixed_precision=True, use_ram_cache=True)
TWO_BY_THREE = Packing(2, 3)


def checks(config: TrainConfig = GUIDE, packing: Packing = TWO_BY_THREE, films: int = 850) -> dict[str, Check]:
    return {check.name: check for check in settings_checks(config, packing, films)}


def test_the_guides_settings_are_all_well() -> None:
    found = checks()
    assert list(found) == ["batch", "mixed precision", "image size", "model", "film cache"]
    assert {check.status for check in found.values()} == {"ok"}
    assert "850 MiB for 850 films" in found["film cache"].found


@pytest.mark.parametrize(
    ("config", "name", "found", "remedy"),
    [
        (TrainConfig(use_ram_cache=True), "mixed precision", "off", "add --mixed_precision"),
        (TrainConfig(image_size=(512, 512)), "image size", "0.25 of the guide's pixels", "--image_size 1024 1024"),
        (TrainConfig(image_size=(2048, 2048)), "image size", "4 times the guide's pixels", "--image_size 1024 1024"),
        (TrainConfig(model="hrnet_w18"), "model", "the guide's is hrnet", "--model hrnet"),
        (TrainConfig(), "film cache", "off: every film", "--use_ram_cache takes 850 MiB for 850 films"),
        (TrainConfig(limited_ram_cache=100), "film cache", "on for 100 of 850 films", "--use_ram_cache"),
    ],
)
def test_what_differs_is_a_warning_with_what_it_means(config: TrainConfig, name: str, found: str, remedy: str) -> None:
    check = checks(config)[name]
    assert check.status == "warning"
    assert found in check.found
    assert remedy in check.remedy


@pytest.mark.parametrize(
    ("packing", "found", "remedy"),
    [
        (Packing(1, 6), "one film at a time", "--batch_size 2 --gradient_accumulation_steps 3"),
        (Packing(3, 2), "more video memory than 2 x 3", "--batch_size 2"),
        (Packing(2, 2), "effective batch 4; the guide's is 2 x 3 = 6", "--gradient_accumulation_steps 3"),
        (Packing(8, 4), "effective batch 32", "--gradient_accumulation_steps 1"),
    ],
)
def test_another_batch_is_a_warning(packing: Packing, found: str, remedy: str) -> None:
    check = checks(packing=packing)["batch"]
    assert check.status == "warning"
    assert found in check.found
    assert remedy in check.remedy


def test_without_films_the_cache_is_told_per_film() -> None:
    assert "1 MiB a film" in checks(films=0)["film cache"].found


def test_a_batch_that_was_chosen_automatically_is_well() -> None:
    check = checks(TrainConfig(batch_size="auto"), Packing(3, 2))["batch"]
    assert check.status == "ok"
    assert "chosen by --batch_size auto" in check.found
