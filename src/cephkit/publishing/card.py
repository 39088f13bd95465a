"""The card of a model: what it is, what it has learnt from, how well it does, and what it is not for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from markupsafe import Markup

from cephkit.checkpoint import Checkpoint
from cephkit.errors import CheckpointError, SettingsError
from cephkit.inference.uncertainty import Calibration
from cephkit.landmarks.schema import TISSUE_NAMES
from cephkit.notice import NOTICE
from cephkit.publishing.figures import Evaluated, shown, total
from cephkit.publishing.licences import Licensed, Terms
from cephkit.publishing.markdown import example, rendered

LICENCES = (
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "openrail",
)  # fmt: skip
"""Licences that the hub knows by these names; any other is called ``other`` there."""
SETTINGS = (
    "model", "image_size", "heatmap_stride", "loss", "sigma", "pretrained", "weights", "epochs", "effective_batch",
    "lr", "warmup_epochs", "weight_decay", "clip_grad_norm", "use_ema", "ema_decay", "augment", "mixed_precision",
    "best_by", "folds", "fold", "seed",
)  # fmt: skip
"""Settings of a run that decide the weights, in the order of the card."""
ANNOTATORS = {
    "Senior Orthodontists": "the senior annotator", "Junior Orthodontists": "the junior annotator",
    "mean": "the mean of both annotators", "senior": "the senior annotator", "junior": "the junior annotator",
    "official": "the mean of both annotators, rounded up to whole pixels",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card says beyond what is in the checkpoint."""

    name: str
    data: Sequence[Licensed]
    earlier: Sequence[str] = ()
    """Data sets of the model that the training started from."""
    held_back_by: Sequence[Terms] = ()
    """Terms that forbid handing the weights on."""
    licence: str | None = None
    """Of the weights."""
    repository: str = ""
    """On the hub, ``owner/name``."""
    evaluation: Evaluated | None = None
    hashes: Mapping[str, str]
    """By file."""
    made_from: str = ""
    """SHA-256 of the checkpoint."""
    has_onnx: bool


def card(checkpoint: Checkpoint, facts: CardFacts) -> str:
    """Write the card of a model, Markdown with the front matter that the hub reads."""
    config, extras, spec = checkpoint.config, checkpoint.extras, checkpoint.spec
    stage = extras.get("refiner")
    stage = stage if isinstance(stage, Mapping) else {}
    terms = [each.terms for each in facts.data if each.terms is not None and not each.is_stated]
    known = list(dict.fromkeys([*terms, *facts.held_back_by]))
    size = stage.get("spec", {}).get("canvas_size") if stage else None
    text = rendered(
        "card.md.j2",
        front_matter=Markup(front_matter(facts)),
        name=facts.name,
        notice=NOTICE,
        spec=spec,
        refiner=size,
        versions=", ".join(f"{name} {version}" for name, version in checkpoint.versions.items()) or "not recorded",
        landmarks=[
            {"symbol": spec.schema[symbol].symbol, "title": spec.schema[symbol].title,
             "tissue": TISSUE_NAMES[spec.schema[symbol].tissue]}
            for symbol in spec.symbols
        ],
        restricted=facts.held_back_by,
        unknown=[each.origin.name for each in facts.data if each.terms is None],
        licence=licence_text(facts),
        repository=facts.repository,
        reference=_reference(facts),
        onnx=facts.has_onnx,
        example=example(),
        calibrations=calibrations(extras),
        has_pose=isinstance(extras.get("pose"), Mapping),
        data=[_row(each) for each in facts.data],
        earlier=facts.earlier,
        known=known,
        learnt_from=_annotators(config.get("annotation_type")),
        truth=_annotators(config.get("truth")),
        is_final=bool(config.get("final")),
        start=_start(config),
        validation=total(checkpoint.metrics) if checkpoint.metrics else None,
        second_stage=_second_stage(stage),
        evaluation=None if facts.evaluation is None else evaluation(facts.evaluation),
        settings=[(name, _setting(config[name])) for name in SETTINGS if config.get(name) is not None],
        hashes=list(facts.hashes.items()),
        made_from=facts.made_from,
    )  # fmt: skip
    return text.rstrip() + "\n"


def front_matter(facts: CardFacts) -> str:
    """The block of YAML at the head of a card."""
    licence: dict[str, Any] = {"license": "unknown"}
    if facts.held_back_by:
        licence = {"license": "other", "license_name": "not-to-be-handed-on"}
    elif facts.licence is not None:
        known = facts.licence.lower()
        licence = {"license": known} if known in LICENCES else {"license": "other", "license_name": facts.licence}
    block = {
        **licence,
        "library_name": "cephkit",
        "pipeline_tag": "keypoint-detection",
        "tags": ["cephalometry", "cephalogram", "landmark-detection", "orthodontics", "medical-imaging"]
        + ["onnx"] * facts.has_onnx,
    }
    return f"---\n{yaml.safe_dump(block, sort_keys=False, allow_unicode=True)}---\n"


def licence_text(facts: CardFacts) -> str:
    """The licence of the weights, in words."""
    if facts.held_back_by:
        return "none: not to be handed on"
    return facts.licence or "not stated: ask whoever published this model"


def check_licence(facts: CardFacts) -> None:
    """Check that a licence is only given where one can be.

    Raises:
        SettingsError: the weights are not to be handed on.
    """
    if facts.licence is not None and facts.held_back_by:
        titles = " and ".join(terms.title for terms in facts.held_back_by)
        raise SettingsError(
            f"--licence {facts.licence}: weights trained on {titles} are not to be handed on; leave --licence out"
        )


def calibrations(extras: Mapping[str, Any]) -> list[dict[str, str]]:
    """The calibrations of a checkpoint: for which way of predicting, and on which films they rest.

    Raises:
        CheckpointError: one is damaged.
    """
    stored = extras.get("calibrations")
    try:
        return [
            {"way": _way(mode), "rests_on": Calibration.from_dict(plain).rests_on}
            for mode, plain in (stored if isinstance(stored, Mapping) else {}).items()
        ]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(f"a calibration in it is damaged ({error!s:.100})", "calibrate it again") from error


def evaluation(evaluated: Evaluated) -> dict[str, Any]:
    """The figures of an evaluation, as the card shows them."""
    metrics = evaluated.metrics
    splits, trust = metrics.get("splits"), metrics.get("uncertainty")
    coverage = trust.get("coverage_90_percent") if isinstance(trust, Mapping) else None
    text = ""
    if isinstance(trust, Mapping) and isinstance(coverage, int | float):
        text = f"In the evaluation above the 90 % regions contain {coverage:.1f} % of the true points"
        text += f" ({trust['judged']})." if isinstance(trust.get("judged"), str) else "."
    return {
        "splits": " and ".join(map(str, splits)) if isinstance(splits, list) else "films",
        "way": _way(str(metrics.get("mode", "plain"))),
        "truth": _annotators(metrics.get("truth")),
        "date": str(metrics.get("written_at", ""))[:10],
        "total": total(metrics),
        "coverage": text,
        "tables": shown(evaluated),
    }  # fmt: skip


def _row(each: Licensed) -> list[str]:
    """A data set as a row of the card: name, known as, train, valid, machines, licence."""
    origin, terms = each.origin, each.terms
    counts = [str(origin.films.get(split, "not recorded")) for split in ("train", "valid")]
    licence = "not known" if terms is None else terms.licence + " (as the publisher states)" * each.is_stated
    known = "-" if terms is None or each.is_stated else terms.title
    return [origin.name, known, *counts, ", ".join(origin.machines) or "not recorded", licence]


def _second_stage(stage: Mapping[str, Any]) -> str:
    valid = stage.get("valid")
    if not isinstance(valid, Mapping):
        return ""
    first, both, unit = (valid.get(name) for name in ("first_stage", "both", "unit"))
    if not isinstance(first, int | float) or not isinstance(both, int | float):
        return ""
    return f"With the second stage the MRE is {both:.2f} {unit}, without it {first:.2f} {unit}."


def _start(config: Mapping[str, Any]) -> str:
    if config.get("weights"):
        return f"The backbone started from the weights in {config['weights']}."
    return (
        "The backbone started from weights trained on ImageNet, if these could be had."
        if config.get("pretrained")
        else ""
    )


def _annotators(name: Any) -> str:
    return ANNOTATORS.get(str(name), "not recorded") if name is not None else "not recorded"


def _way(mode: str) -> str:
    views, _, ensemble = mode.partition(" ")
    words = ["several views of each film" if views.startswith("tta") else "one view of each film"]
    words += ["with the second stage"] * ("refiner" in views) + ["in an ensemble with other models"] * bool(ensemble)
    return ", ".join(words)


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _reference(facts: CardFacts) -> Markup:
    """What stands in code, where nothing can be escaped."""
    return Markup(f"hf:{facts.repository}" if facts.repository else "FOLDER")
