"""The space file: settings that all trials share, what is searched, and what is tried first.

::

    settings:               # as in a file for cephkit train --config
      dataset_path: isbi2015
      image_size: [192, 160]
      epochs: 20
    search:                 # a list of values, or a range
      lr: {from: 5e-4, to: 8e-3, log: true}
      warmup_epochs: {from: 0, to: 6, step: 2}
      model: [hrnet_w18_small, hrnet_w18]
    first:                  # tried before all others; what is not named is as in settings, else cephkit train's default
      - {lr: 2e-3}
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import yaml

from cephkit.config import TrainConfig
from cephkit.errors import SettingsError
from cephkit.settings.reading import from_keywords, to_plain
from cephkit.yaml_file import at, mapping, plain, read_yaml

_DEEPEST = 4
OF_THE_RUN = frozenset({"fold", "log_dir", "resume", "resume_as", "save_dir", "use_ddp"})
"""Settings that each trial has of its own."""
OF_THE_JUDGEMENT = frozenset(
    {"best_by", "dataset_path", "folds", "landmarks", "leave_out", "seeds", "split_seed", "splits_from", "truth"}
)
"""Settings that decide what an error means: trials that differ in them cannot be compared."""


@dataclass(frozen=True)
class Range:
    """Numbers to choose from."""

    low: float
    high: float
    step: float | None
    """Distance of the numbers; None: any number."""
    log: bool
    """Search in factors, not in differences."""
    whole: bool
    """Whole numbers only."""

    def value(self, chosen: Any) -> Any:
        """Return the value of the setting for the ``chosen`` number."""
        return chosen

    def holds(self, value: Any) -> bool:
        """Return whether ``value`` is one of the numbers."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        if self.whole and value != int(value):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-6

    def __str__(self) -> str:
        how = [f"in steps of {self.step:g}"] if self.step is not None else []
        return ", ".join([f"{self.low:g} to {self.high:g}", *how, *(["in factors"] if self.log else [])])


@dataclass(frozen=True)
class Choices:
    """Values to choose from, by their text."""

    values: Mapping[str, Any]

    def value(self, chosen: str) -> Any:
        """Return the value of the setting whose text is ``chosen``."""
        return self.values[chosen]

    def __str__(self) -> str:
        return " or ".join(self.values)


@dataclass(frozen=True)
class Space:
    """What a search tries."""

    path: Path
    settings: Mapping[str, Any]
    """Of every trial, plain types."""
    search: Mapping[str, Range | Choices]
    first: tuple[dict[str, Any], ...]
    """Points to try before all others: a number of each range, a text of each list."""

    def content(self) -> dict[str, Any]:
        """Return what decides the trials, as plain types."""
        search = {name: str(each) for name, each in self.search.items()}
        return {"settings": dict(self.settings), "search": search}

    def chosen_settings(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a trial at ``point``, as in a file for ``cephkit train --config``."""
        return {**self.settings, **{name: self.search[name].value(chosen) for name, chosen in point.items()}}

    def config(self, point: Mapping[str, Any], folder: Path, device: str | None = None) -> TrainConfig:
        """Return all settings of a trial at ``point``, which leaves its files in ``folder``.

        Raises:
            SettingsError: they do not work together.
        """
        own: dict[str, Any] = {"save_dir": folder, "log_dir": folder, **({} if device is None else {"device": device})}
        return from_keywords(TrainConfig, None, {**self.chosen_settings(point), **own}, f"--space {self.path}")


def read_space(path: Path) -> Space:
    """Return the space in a YAML file; every value is tried on the settings.

    Raises:
        SettingsError: it cannot be read, or names a setting or value that ``cephkit train`` does not take; says where.
    """
    where = f"--space {path}"
    parts = _parts(read_yaml(path, where, _DEEPEST), where)
    settings = _values(parts["settings"], where) if "settings" in parts else {}
    for name in settings:
        _check_name(name, f"{where}, settings", OF_THE_RUN, "each trial has its own")
    search = {}
    for name, (node, place) in mapping(parts["search"], where, "the settings to search").items():
        _check_name(name, f"{where}, {place}", OF_THE_RUN | OF_THE_JUDGEMENT, "with it errors could not be compared")
        search[name] = _searched(name, node, f"{where}, {place}")
    if not search:
        raise SettingsError(f"{where}: search names no setting; write one as 'lr: [1e-3, 2e-3]'")
    space = Space(path, settings, search, ())
    _try_out(space)
    first = _first(space, parts["first"], where) if "first" in parts else ()
    return Space(path, settings, search, first)


def _parts(node: yaml.Node | None, where: str) -> dict[str, yaml.Node]:
    expected = "the parts settings, search and first"
    found = {} if node is None else mapping(node, where, expected)
    for name, (_, place) in found.items():
        if name not in ("settings", "search", "first"):
            raise SettingsError(f"{where}, {place}: there is no part {name!r}; expected {expected}")
    given = {name: value for name, (value, _) in found.items() if not _is_nothing(value)}
    if "search" not in given:
        raise SettingsError(f"{where}: has no part search, which names the settings to search")
    return given


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _values(node: yaml.Node, where: str) -> dict[str, Any]:
    """Return a mapping of plain values."""
    found = mapping(node, where, "lines 'name: value'")
    return {name: _value(value, f"{where}, {place}: {name}") for name, (value, place) in found.items()}


def _value(node: yaml.Node, where: str) -> Any:
    """Return a plain value that the journal can hold, which is JSON."""
    value = plain(node, where)
    try:
        json.dumps(value)
    except TypeError as error:
        raise SettingsError(f"{where}: YAML reads a date here; put texts that look like one in quotes") from error
    return value


def _check_name(name: str, where: str, refused: frozenset[str], why: str) -> None:
    if name in refused:
        raise SettingsError(f"{where}: {name} cannot stand here: {why}")
    if name not in {field.name for field in fields(TrainConfig)}:
        import difflib

        near = difflib.get_close_matches(name, [field.name for field in fields(TrainConfig)], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"{where}: there is no setting {name!r}{hint}")


def _searched(name: str, node: yaml.Node, where: str) -> Range | Choices:
    if isinstance(node, yaml.MappingNode):
        return _range(name, _values(node, where), where)
    values = _value(node, f"{where}: {name}")
    if not isinstance(values, list) or len(values) < 2:
        raise SettingsError(
            f"{where}: {name}: expected a list of two or more values, or a range as {{from: 1e-4, to: 1e-2, log: true}}"
        )
    by_text = {_text(value): value for value in values}
    if len(by_text) < len(values):
        raise SettingsError(f"{where}: {name}: a value is listed twice")
    return Choices(by_text)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _range(name: str, given: Mapping[str, Any], where: str) -> Range:
    unknown = sorted(given.keys() - {"from", "to", "step", "log"})
    if unknown or not {"from", "to"} <= given.keys():
        wrong = f", not {unknown[0]}" if unknown else ""
        raise SettingsError(f"{where}: {name}: a range has from and to, and may have step or log{wrong}")
    kinds = _kinds(get_type_hints(TrainConfig)[name])
    if not kinds & {int, float} or bool in kinds:
        raise SettingsError(f"{where}: {name} is not a number; list the values to try")
    low, high = (_number(given[key], f"{where}: {name}: {key}") for key in ("from", "to"))
    step = _number(given["step"], f"{where}: {name}: step") if "step" in given else None
    log, whole = given.get("log", False), float not in kinds
    if not isinstance(log, bool):
        raise SettingsError(f"{where}: {name}: log is true or false, got {log!r}")
    wrong = ""
    if not low < high:
        wrong = f"from {low:g} must be less than to {high:g}"
    elif log and step is not None:
        wrong = "log and step do not go together"
    elif log and low <= 0:
        wrong = f"with log, from must be above 0, got {low:g}"
    elif step is not None and not 0 < step <= high - low:
        wrong = f"step {step:g} does not fit between {low:g} and {high:g}"
    elif whole and any(number != int(number) for number in (low, high, step or 0)):
        wrong = "it takes whole numbers only"
    if wrong:
        raise SettingsError(f"{where}: {name}: {wrong}")
    if step is not None:
        high = low + math.floor((high - low) / step + 1e-9) * step
    return Range(low, high, step, log, whole)


def _kinds(hint: Any) -> set[Any]:
    """Return the plain types in a field's type."""
    if get_origin(hint) in (Annotated, Union, UnionType):
        return set().union(*(_kinds(each) for each in get_args(hint)[: 1 if get_origin(hint) is Annotated else None]))
    return {hint}


def _number(value: Any, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # YAML takes 5e-4 for a text
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SettingsError(f"{where}: expected a number, got {value!r:.40}")
    return number


def _try_out(space: Space) -> None:
    """Make the settings with every value of every list, and both ends of every range.

    Raises:
        SettingsError: ``cephkit train`` would not take one of them.
    """
    space.config({}, Path("trial"))
    for name, each in space.search.items():
        ends = [each.low, each.high] if isinstance(each, Range) else list(each.values)
        for value in ends:
            chosen = int(value) if isinstance(each, Range) and each.whole else value
            space.config({name: chosen}, Path("trial"))


def _first(space: Space, node: yaml.Node, where: str) -> tuple[dict[str, Any], ...]:
    """Return the points that are tried first, complete."""
    if not isinstance(node, yaml.SequenceNode):
        raise SettingsError(f"{where}, {at(node.start_mark)}: first is a list of settings, as '- {{lr: 2e-3}}'")
    default = to_plain(space.config({}, Path("trial")))
    points = []
    for each in node.value:
        place = f"{where}, {at(each.start_mark)}"
        given = {} if _is_nothing(each) else _values(each, where)
        unknown = sorted(given.keys() - space.search.keys())
        if unknown:
            raise SettingsError(f"{place}: {unknown[0]} is not searched; name it in search, or in settings")
        points.append(
            {name: _chosen(name, searched, given, default[name], place) for name, searched in space.search.items()}
        )
    return tuple(points)


def _chosen(name: str, searched: Range | Choices, given: Mapping[str, Any], default: Any, place: str) -> Any:
    value = given.get(name, default)
    if isinstance(searched, Choices):
        same = [text for text, each in searched.values.items() if text == _text(value) or _equal(each, value)]
        if same:
            return same[0]
    else:
        number = _number(value, f"{place}: {name}") if name in given else value
        if searched.holds(number):
            return int(number) if searched.whole else float(number)
    whole = "whole numbers, " if isinstance(searched, Range) and searched.whole else ""
    whose = "" if name in given else ", which settings or else the defaults of cephkit train have"
    remedy = "" if name in given else "; give it a value here"
    raise SettingsError(f"{place}: {name}: {_text(value)}{whose}, is not in the search ({whole}{searched}){remedy}")


def _equal(one: Any, other: Any) -> bool:
    """Return whether two values are the same number: YAML takes 5e-4 for a text."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return False
