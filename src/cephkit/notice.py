"""What every result carries, and how work in progress is told to the user."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

NOTICE = "Research use only; not a medical device."
"""Stands in every result."""

Notify = Callable[[str], None]
"""Takes one line for the user."""

try:
    VERSION = version("cephkit")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+unknown"
