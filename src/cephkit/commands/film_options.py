"""The options of commands that read a user's films: ``cephkit predict``, ``measure`` and ``review``."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cephkit.data.opened import content_hash
from cephkit.data.spacing import LARGEST_MM, SMALLEST_MM, Spacing, given_spacing
from cephkit.errors import SettingsError
from cephkit.model_paths import is_checkpoint
from cephkit.notice import VERSION
from cephkit.settings.options import Options, between

if TYPE_CHECKING:
    from cephkit.inference.model import Model


PixelSizeMm = Annotated[float | None, between(SMALLEST_MM, LARGEST_MM, "mm")]


@dataclass(frozen=True, kw_only=True)
class FilmFiles(Options):
    """Films"""

    checkpoint: tuple[Path, ...] = ()
    """A checkpoint_*.pth or its folder, a published folder, or hf:owner/name; several are averaged."""
    recursive: bool = False
    """Search subfolders too; those of a CD with a DICOMDIR are always searched."""
    about: Path | None = None
    """CSV with a row per film: film, pixel size or ruler, age, sex (Aariz's machine map works); overrides the flags."""
    pixel_size_mm: PixelSizeMm = None
    """Millimetres per pixel of these films; overrides what the file says."""
    ruler: tuple[float, float, float, float, float] | None = None
    """The pixel size by a ruler on the films: x1 y1 x2 y2 of two of its marks in pixels, and the mm between them."""
    ignore_bad_pixel_size: bool = False
    """Read DICOM files even if their own pixel size is impossible; otherwise they are errors."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        try:
            given_spacing(None if self.ruler is None else self.pixel_size_mm, self.ruler)
        except SettingsError as error:
            yield str(error)

    @property
    def spacing(self) -> Spacing | None:
        """The pixel size of all films; None: each file's own.

        Raises:
            SettingsError: two sizes were given, or one that cannot be.
        """
        return given_spacing(self.pixel_size_mm, self.ruler)

    def digest(self, model: "Model | None", **settings: Any) -> str:
        """Return a name for everything that determines a film's result, apart from the film."""
        facts = {
            "cephkit": VERSION,
            "models": [] if model is None else [loaded.meta["sha256"] for loaded in model.predictor.loaded],
            "mode": None if model is None else model.facts["mode"],
            "spacing": [self.pixel_size_mm, self.ruler],
            "about": "" if self.about is None else content_hash(self.about.read_bytes()),
            **settings,
        }
        return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, kw_only=True)
class FilmOptions(FilmFiles):
    """Films"""

    resume: bool = True
    """Skip films that already have results of the same model and settings."""

    def separate_films(self, films: str) -> None:
        """Move what follows ``--checkpoint A.pth`` and is not a checkpoint to the field ``films``."""
        others = tuple(path for path in self.checkpoint[1:] if not is_checkpoint(path))
        object.__setattr__(self, films, (*getattr(self, films), *others))
        object.__setattr__(self, "checkpoint", tuple(path for path in self.checkpoint if path not in others))
