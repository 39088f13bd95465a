"""Which film an entry of another tool's file is about: file names, paths of any system, and addresses."""

import base64
import re
from urllib.parse import parse_qs, unquote, urlsplit

from cephkit.data.json_values import BrokenLabelError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):(?=/)")
"""Of an address; a single letter is a drive of Windows."""
_STORES = ("s3", "gs", "azure-blob")
"""Schemes of storages, whose addresses are not encoded."""
_PICTURE = re.compile(r"^data:(\w+/|[;,])", re.IGNORECASE)
"""How a picture begins that stands where its address should."""
_SERVERS = {"local-files", "storage-data", "presign", "resolve"}
"""In the paths of Label Studio's addresses that name a file by a parameter."""
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded file."""
_FETCHED = re.compile(r"^[0-9a-f]{8}__")
"""What Label Studio's converter puts before the name of a file that it fetched into ``images``."""


def film_files(written: str, where: str, *, by_label_studio: bool = False) -> tuple[str, ...]:
    """The names of files, without folders, that ``written`` may mean, the likeliest first.

    A path names its last part as it stands. An address is percent-encoded, and Label Studio's own name the file that
    they serve in a parameter, or put a prefix before its name. An ambiguous address gives several names.

    Args:
        written: a file's name, a path of any system, or an address.
        where: for the error.
        by_label_studio: Label Studio wrote it: it is an address in any case.

    Raises:
        LabelError: the picture itself stands there (``data:``), not a name.
    """
    if _PICTURE.match(written):
        raise BrokenLabelError(
            f"the picture stands in the file itself ({written[:20]}...), so nothing says which film it is",
            "give the tool the films as files and export again",
            where,
        )
    path = written.replace("\\", "/")
    is_address = _SCHEME.match(path) or path.lstrip("/").startswith(("data/local-files", "data/upload/"))
    if not (by_label_studio or is_address):
        return _each(path, unquote(path))
    served = _served(path)
    folders, name = served.split("/")[:-1], _last(served)
    names = [name, path]
    is_fetched = by_label_studio and not is_address and "images" in folders
    if is_fetched and _FETCHED.match(name):
        name = _FETCHED.sub("", name)
        names.insert(0, name)
    if _UPLOADED.match(name) and (is_fetched or "upload" in folders):
        names.insert(0, _UPLOADED.sub("", name))
    return _each(*names)


def _served(address: str) -> str:
    """The path, decoded, of the file behind an address."""
    scheme = _SCHEME.match(address)
    if scheme and scheme[1].lower() in _STORES:
        return address
    try:
        parts = urlsplit(address)
        query = parse_qs(parts.query)
    except ValueError:  # not an address after all, or one with far too many parameters
        return unquote(address)
    if _SERVERS & set(parts.path.split("/")):
        for parameter in ("d", "filepath", "fileuri"):
            if parameter in query:
                value = query[parameter][-1]
                return _of_base64(value) if parameter == "fileuri" else value
    return unquote(parts.path)


def _of_base64(written: str) -> str:
    """A storage's address as Label Studio hides it in one of its own; ``written`` itself if it is not one."""
    try:
        return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()
    except ValueError:
        return written


def _each(*paths: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_last, paths)))


def _last(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
