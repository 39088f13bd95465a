"""CVAT for images 1.1, unpacked: ``annotations.xml`` and ``images``."""

from pathlib import Path

from cephkit.datasets.films import files_in, peek
from cephkit.datasets.layout import Listing
from cephkit.datasets.marked import list_marked, only_file
from cephkit.interchange.cvat import read_cvat
from cephkit.landmarks.schema import LandmarkSchema

_HEAD = 1024


class Cvat:
    """One XML file, and the films beside it or below."""

    title = "CVAT for images"
    wanted = "annotations.xml of CVAT for images 1.1"
    usual = None

    def recognises(self, root: Path) -> bool:
        """Whether there is such a file."""
        return bool(_files(root))

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films; see ``Layout``."""
        return list_marked([only_file(_files(root), self.title, root)], read_cvat, schema)


def _files(root: Path) -> list[Path]:
    return [
        path for path in ([root] if root.is_file() else files_in(root, ".xml")) if b"<annotations" in peek(path)[:_HEAD]
    ]
