from dataclasses import fields
from pathlib import Path

from cephkit.config import TrainConfig
from cephkit.publishing.settings import without_places
from cephkit.settings.reading import to_plain


def test_settings_keep_no_folder_of_the_machine() -> None:
    places = {
        field.name: Path(f"/home/ann/{field.name}")
        for field in fields(TrainConfig)
        if field.type in (Path, Path | None, "Path", "Path | None")
    }
    config = TrainConfig(
        dataset_path=(Path("/home/ann/Aariz"),), landmarks="/home/ann/mine.yaml", pretrained=False, **places  # type: ignore[arg-type]
    )  # fmt: skip
    assert "/home/ann" in str(to_plain(config))
    kept = without_places(to_plain(config))
    assert "/home" not in str(kept)
    assert (kept["dataset_path"], kept["landmarks"], kept["weights"]) == (["Aariz"], "mine.yaml", "weights")
    assert (kept["lr"], kept["image_size"]) == (config.lr, [1024, 1024])
    assert "save_dir" not in kept


def test_paths_of_windows_and_of_older_checkpoints_too() -> None:
    kept = without_places({"dataset_path": "C:\\Users\\ann\\Aariz", "weights": None, "landmarks": "isbi2015"})
    assert kept == {"dataset_path": "Aariz", "weights": None, "landmarks": "isbi2015"}
