import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import pytest

from cephkit.errors import SettingsError
from cephkit.settings.options import NETWORK_SIZE, Options, Rule, above, at_least, between, inside


@dataclass(frozen=True, kw_only=True)
class Base(Options):
    workers: Annotated[int, at_least(0)] = 2
    flag: bool = False

    def contradictions(self) -> Iterator[str]:
        yield from super().contradictions()
        if self.flag and self.workers:
            yield "--flag needs --workers 0"


@dataclass(frozen=True, kw_only=True)
class Derived(Base):
    rate: Annotated[float, above(0)] = 1.0
    share: Annotated[float | None, inside(0, 1)] = None


def test_all_faults_are_named_at_once_inherited_ones_too() -> None:
    with pytest.raises(SettingsError) as error:
        Derived(workers=-1, rate=0.0, share=1.0, flag=True)
    assert str(error.value).splitlines() == [
        "invalid settings:",
        "  --workers must be 0 or more, got -1",
        "  --rate must be above 0, got 0.0",
        "  --share must be between 0 and 1, got 1.0",
        "  --flag needs --workers 0",
    ]


def test_good_values_and_none_pass() -> None:
    assert Derived(workers=0, flag=True, share=0.5).share == 0.5
    assert Derived().share is None


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (at_least(1), (1, 2.5), (0, 0.999, math.nan, math.inf)),
        (above(0), (0.1,), (0, -1, math.nan, math.inf)),
        (between(0, 100, "mm"), (0, 100), (-0.1, 100.1, math.nan)),
        (inside(0, 1), (0.5,), (0, 1, math.nan)),
        (NETWORK_SIZE, ((64, 96),), ((32, 64), (100, 64))),
    ],
)
def test_a_rule_holds_for_what_it_says(rule: Rule, good: tuple[object, ...], bad: tuple[object, ...]) -> None:
    assert all(rule.holds(value) for value in good)
    assert not any(rule.holds(value) for value in bad)
