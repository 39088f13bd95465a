"""Rules for the values of settings.

A rule is written into the field's type, ``num_workers: Annotated[int, at_least(0)]``, and checked when the options are
made, wherever they come from: the command line, a YAML file or Python.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from cephkit.errors import SettingsError


@dataclass(frozen=True)
class Rule:
    """What a value must be."""

    text: str
    """Completes "must be ..."."""
    holds: Callable[[Any], bool]
    """Never called with None, which means "not given"."""


def at_least(low: float) -> Rule:
    """A finite number, ``low`` or more."""
    return Rule(f"{low:g} or more", lambda value: low <= value < math.inf)


def above(low: float) -> Rule:
    """A finite number larger than ``low``."""
    return Rule(f"above {low:g}", lambda value: low < value < math.inf)


def between(low: float, high: float, unit: str = "") -> Rule:
    """A number from ``low`` to ``high``, both included."""
    return Rule(f"{low:g} to {high:g} {unit}".rstrip(), lambda value: low <= value <= high)


def inside(low: float, high: float) -> Rule:
    """A number between ``low`` and ``high``, both excluded."""
    return Rule(f"between {low:g} and {high:g}", lambda value: low < value < high)


NumberOrAuto = int | Literal["auto"]
POSITIVE_OR_AUTO = Rule("1 or more, or auto", lambda value: value == "auto" or value >= 1)
NETWORK_SIZE = Rule("two multiples of 32, 64 or more", lambda size: all(side >= 64 and side % 32 == 0 for side in size))


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of all options.

    Raises:
        SettingsError: when made with values that cannot work; lists every fault.
    """

    def __post_init__(self) -> None:
        faults = [
            f"--{name} must be {rule.text}, got {value}"
            for name, rule in _rules(type(self))
            if (value := getattr(self, name)) is not None and not rule.holds(value)
        ]
        faults += self.contradictions()
        if faults:
            raise SettingsError("invalid settings:\n  " + "\n  ".join(faults))

    def contradictions(self) -> Iterator[str]:
        """Yield a line for each group of settings that do not work together."""
        yield from ()


def _rules(options: type[Options]) -> list[tuple[str, Rule]]:
    """Return (field, rule) pairs."""
    return [
        (name, rule)
        for name, kind in get_type_hints(options, include_extras=True).items()
        for rule in getattr(kind, "__metadata__", ())
        if isinstance(rule, Rule)
    ]
