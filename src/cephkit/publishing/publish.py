"""Writes the folder of a published model, completely or not at all."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cephkit.checkpoint import Checkpoint, load_model, read_checkpoint, write_published
from cephkit.datasets.origins import DATA_SETS, STARTED_FROM, DataOrigin, recorded
from cephkit.errors import CephkitError, SettingsError, some
from cephkit.files import utf8, write_whole
from cephkit.inference.predictor import Predictor
from cephkit.notice import NOTICE, Notify
from cephkit.published import CARD, CONFIG, ONNX, WEIGHTS
from cephkit.publishing.card import CardFacts, card, check_licence
from cephkit.publishing.figures import read_evaluation
from cephkit.publishing.licences import RESTRICTED, Licensed, Terms, hinted, licensed
from cephkit.publishing.settings import without_places

FILES = (CONFIG, WEIGHTS, CARD, ONNX)


@dataclass(frozen=True)
class DataFacts:
    """What a model has learnt from, and what follows for those who hand it on."""

    data: Sequence[Licensed]
    earlier: Sequence[str]
    """Those of the model that the training started from."""
    held_back_by: Sequence[Terms]

    @property
    def unknown(self) -> list[str]:
        """Data sets whose licence nobody has stated."""
        return [each.origin.name for each in self.data if each.terms is None]


def data_facts(checkpoint: Checkpoint, stated: Mapping[str, str]) -> DataFacts:
    """Return what ``checkpoint`` has learnt from.

    Args:
        checkpoint: of the model.
        stated: licences that the user states, by name of a data set.

    Raises:
        SettingsError: see ``licensed``.
    """
    earlier = recorded(checkpoint.config, STARTED_FROM)
    own = recorded(checkpoint.config) or [DataOrigin("not recorded")]
    stage = checkpoint.extras.get("refiner")
    refined = recorded(stage, DATA_SETS) if isinstance(stage, Mapping) and DATA_SETS in stage else []
    data = licensed([*own, *earlier, *refined], stated)
    found = [each.terms for each in data if each.terms in RESTRICTED]
    stored = checkpoint.extras.get("calibrations")
    for plain in stored.values() if isinstance(stored, Mapping) else ():
        if isinstance(plain, Mapping):
            found += hinted(str(plain.get("films_said", "")))
    return DataFacts(data, [origin.name for origin in earlier], [terms for terms in RESTRICTED if terms in found])


def check_out(out: Path, overwrite: bool) -> None:
    """Check that ``out`` is new, or empty, or a published folder to replace.

    Raises:
        SettingsError: it is not.
    """
    if not out.exists():
        return
    others = [path.name for path in out.iterdir() if path.name not in FILES] if out.is_dir() else [out.name]
    if others:
        raise SettingsError(f"--out {out} holds {some(sorted(others), 3)}; choose a new folder")
    if any(out.iterdir()) and not overwrite:
        raise SettingsError(f"--out {out} holds a model; choose another folder, or use --overwrite")


def publish(
    path: Path, out: Path, *, name: str = "", licence: str | None = None, stated: Mapping[str, str] | None = None,
    evaluation: Path | None = None, onnx: bool = True, overwrite: bool = False, repository: str = "",
    notify: Notify = print,
) -> DataFacts:  # fmt: skip
    """Write the model at ``path`` to the folder ``out``.

    Args:
        path: a checkpoint, or a published folder.
        out: the folder; it appears when it is complete.
        name: of the model; empty: that of ``out``.
        licence: of the weights; None: none is stated.
        stated: licences of data sets that are not known, by their names.
        evaluation: folder of ``cephkit evaluate`` with figures for the card.
        onnx: write ``model.onnx``, too.
        overwrite: replace a folder that was published before.
        repository: where the folder will be on the hub, for the card.
        notify: takes lines for the user.

    Raises:
        CheckpointError: see ``load_model``; or a calibration is damaged.
        SettingsError: the settings do not fit the checkpoint, or ``out`` holds something else.
        CephkitError: the ONNX file cannot be made, or a file cannot be written.
    """
    check_out(out, overwrite)
    if onnx:
        _require_onnx()
    model, checkpoint = load_model(path), read_checkpoint(path)
    Predictor(model)  # checks the second stage, the pose model and the calibration
    facts = data_facts(checkpoint, stated or {})
    judged = None
    card_facts = CardFacts(
        name=name or out.resolve().name, data=facts.data, earlier=facts.earlier, held_back_by=facts.held_back_by,
        licence=licence, repository=repository, hashes={}, made_from=model.meta["sha256"], has_onnx=onnx,
    )  # fmt: skip
    check_licence(card_facts)
    if evaluation is not None:
        judged = read_evaluation(evaluation, (model.meta["sha256"],))
    kept = replace(checkpoint, config=without_places(checkpoint.config))
    out = out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside:
            folder = Path(beside) / out.name
            folder.mkdir()
            write_published(folder, kept, made_from=model.meta["sha256"], notice=NOTICE)
            load_model(folder)
            if onnx:
                notify("tracing the model and comparing it with PyTorch; this takes a minute or two")
                _export(folder)
            hashes = {file: _sha256(folder / file) for file in (WEIGHTS, CONFIG, *[ONNX] * onnx)}
            text = card(kept, replace(card_facts, hashes=hashes, evaluation=judged))
            write_whole(folder / CARD, utf8(text))
            if out.exists():
                out.rename(Path(beside) / "before")
            folder.rename(out)
    except OSError as error:
        raise CephkitError(
            f"cannot be written ({error.strerror or error})", "free disk space or choose another --out", out
        ) from error
    return facts


def _require_onnx() -> None:
    from cephkit.onnx.export import require_packages

    try:
        require_packages()
    except CephkitError as error:
        raise CephkitError(f"{error}; or leave the ONNX file out with --no_onnx") from error


def _export(folder: Path) -> None:
    from cephkit.onnx.export import export_onnx

    try:
        export_onnx(folder, folder / ONNX)
    except CephkitError as error:
        raise CephkitError(f"{error}; or leave the ONNX file out with --no_onnx") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
