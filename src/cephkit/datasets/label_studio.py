"""Label Studio's JSON and JSON-MIN, with the films beside the file or below.

Of several annotations of a film the newest counts.
"""

from pathlib import Path

from cephkit.datasets.films import files_in, peek
from cephkit.datasets.layout import Listing
from cephkit.datasets.marked import list_marked, only_file
from cephkit.interchange.imported import Imported, Reading
from cephkit.interchange.label_studio_reader import read_label_studio
from cephkit.landmarks.schema import LandmarkSchema

_SIGNS = (b'"keypointlabels"', b'"annotation_id"', b'"annotations"')


class LabelStudio:
    """One JSON file, and the films beside it or below."""

    title = "Label Studio"
    wanted = "*.json with a list of Label Studio's tasks"
    usual = None

    def recognises(self, root: Path) -> bool:
        """Whether there is such a file."""
        return bool(_files(root))

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films; see ``Layout``."""
        return list_marked([only_file(_files(root), self.title, root)], _read, schema)


def _read(path: Path, reading: Reading) -> Imported:
    return read_label_studio(path, reading=reading)


def _files(root: Path) -> list[Path]:
    return [path for path in ([root] if root.is_file() else files_in(root, ".json")) if _is_label_studio(path)]


def _is_label_studio(path: Path) -> bool:
    seen = peek(path)
    is_list = seen.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    return is_list and any(sign in seen for sign in _SIGNS)
