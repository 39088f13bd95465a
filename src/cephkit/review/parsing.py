"""Plain values from JSON that pages send and journals keep, checked one by one."""

import math
from typing import Any

from cephkit.data.film import FARTHEST_PX
from cephkit.errors import CephkitError


class EditError(CephkitError):
    """An edit, or another request, that makes no sense; ``str()`` says why."""

    kind = "edit"


def parse_object(content: Any, name: str) -> dict[str, Any]:
    """Read an object.

    Raises:
        EditError: it is something else.
    """
    if not isinstance(content, dict):
        raise EditError(f"{name} is {content!r:.40}, expected an object")
    return content


def check_keys(given: dict[str, Any], known: set[str], name: str) -> None:
    """Check that an object has no keys but the ``known`` ones.

    Raises:
        EditError: it has.
    """
    if unknown := sorted(given.keys() - known):
        raise EditError(f"{name} has {unknown[0]!r:.40}, which is not known; known: {', '.join(sorted(known))}")


def parse_number(content: Any, name: str) -> float:
    """Read a number of a size that coordinates can have.

    Raises:
        EditError: it is something else.
    """
    is_number = isinstance(content, int | float) and not isinstance(content, bool)
    # An integer may be too large for a float, and comparing it is exact.
    if not is_number or not math.isfinite(content if isinstance(content, float) else 0) or abs(content) > FARTHEST_PX:
        raise EditError(f"{name} is {content!r:.40}, expected a number")
    return float(content)


def parse_count(content: Any, name: str) -> int:
    """Read a whole number, 0 or more.

    Raises:
        EditError: it is something else.
    """
    if isinstance(content, bool) or not isinstance(content, int) or content < 0:
        raise EditError(f"{name} is {content!r:.40}, expected a whole number")
    return content


def parse_flag(content: Any, name: str) -> bool:
    """Read true or false.

    Raises:
        EditError: it is something else.
    """
    if not isinstance(content, bool):
        raise EditError(f"{name} is {content!r:.40}, expected true or false")
    return content


def parse_text(content: Any, name: str, longest: int) -> str:
    """Read a text of at most ``longest`` letters.

    Raises:
        EditError: it is something else.
    """
    if not isinstance(content, str) or len(content) > longest:
        raise EditError(f"{name} is {content!r:.40}, expected a text of at most {longest} letters")
    return content
