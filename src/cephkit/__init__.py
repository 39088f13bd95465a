"""cephkit: landmarks on lateral cephalograms. Research use only; not a medical device."""

from importlib.metadata import PackageNotFoundError, version

NOTICE = "Research use only; not a medical device."
"""Stands in every result."""

try:
    __version__ = version("cephkit")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
