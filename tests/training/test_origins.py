"""What a checkpoint records of its data, over several runs."""

from pathlib import Path

from cephkit.checkpoint import read_checkpoint
from cephkit.datasets.origins import AARIZ, STARTED_FROM, recorded
from cephkit.published import is_published
from cephkit.publishing.publish import publish
from cephkit.training.run import train
from tests.conftest import write_tiny_aariz
from tests.training.conftest import Settings


def test_a_run_records_its_data_and_a_fine_tuned_one_those_before_it(settings: Settings, tmp_path: Path) -> None:
    first = settings("first", epochs=1)
    train(first)
    (own,) = recorded(read_checkpoint(first.save_dir / "checkpoint_best.pth").config)
    assert (own.name, own.layout, own.machines) == ("Aariz", AARIZ, {"Tiny": 10})
    assert own.films == {"train": 7, "valid": 3}

    published = tmp_path / "published"
    publish(first.save_dir / "checkpoint_best.pth", published, onnx=False, notify=lambda line: None)
    assert is_published(published)
    clinic = write_tiny_aariz(tmp_path / "clinic", train=2, valid=1)
    second = settings("second", epochs=1, dataset_path=(clinic,), resume=published)
    train(second)
    latest = second.save_dir / "checkpoint_latest.pth"
    third = settings("second", epochs=2, dataset_path=(clinic,), resume=latest, resume_as="continue")
    train(third)
    for path in (second.save_dir / "checkpoint_best.pth", latest):
        config = read_checkpoint(path).config
        assert [(each.name, each.films) for each in recorded(config)] == [("clinic", {"train": 2, "valid": 1})]
        assert recorded(config, STARTED_FROM) == [own]
