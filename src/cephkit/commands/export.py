"""``cephkit export``: landmarks out to other tools, or a model as ONNX."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import tyro

from cephkit.cephalometry.source import label_files
from cephkit.commands.film_options import PixelSizeMm
from cephkit.data.folder import FilmsByName, films_by_name, films_in
from cephkit.data.spacing import square
from cephkit.errors import SettingsError
from cephkit.interchange.films import film_of, read_records, with_films, write_files
from cephkit.interchange.formats import FORMATS, FormatSettings
from cephkit.interchange.label_studio import LOCAL_FILES
from cephkit.landmarks.shipped import named_schema
from cephkit.notice import NOTICE
from cephkit.records.record import LandmarkRecord
from cephkit.settings.options import LandmarkNames, Overwrite, SecondStage
from cephkit.settings.reading import parse

FormatName: TypeAlias = Literal["aariz", "csv", "coco", "label_studio", "cvat", "dicom_sr", "onnx"]


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Overwrite, SecondStage, LandmarkNames):
    """Write landmarks for other tools (docs/export.md), or a model as one ONNX file (docs/onnx.md).

    Research use only; not a medical device.
    """

    predictions: tyro.conf.Positional[tuple[Path, ...]]
    """JSON files of cephkit predict, or label files in Aariz's schema, or folders of them."""
    format: FormatName
    """Target tool; dicom_sr repeats the names of patient and study that are in the film, as DICOM requires."""
    out: Path = Path("exported")
    """Folder for the files, created if it does not exist; for onnx also a file that ends in .onnx."""
    checkpoint: Path | None = None
    """onnx: the checkpoint_*.pth, or the published model, to export."""
    variant: Literal["float32", "float16", "int8"] = "float32"
    """onnx: precision of the networks; int8 is measured on the films of --films."""
    films: Path | None = None
    """Folder of the films: for label files without a size, for dicom_sr, and for onnx to be compared on."""
    pixel_size_mm: PixelSizeMm = None
    """Millimetres per pixel of films whose file does not say it: for csv and dicom_sr."""
    image_prefix: str = LOCAL_FILES
    """label_studio: the prefix of a film's name that makes it an address for Label Studio."""
    deidentified: bool = False
    """dicom_sr: leave the fields of patient and study empty; UIDs still identify the film."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if self.format == "onnx":
            if self.predictions or self.checkpoint is None:
                yield "--format onnx takes --checkpoint and no landmarks"
        elif not self.predictions:
            yield "no landmarks; give JSON files or folders of them"
        elif self.checkpoint is not None:
            yield f"--checkpoint is for --format onnx; {self.format} takes what cephkit predict wrote"


def main(argv: list[str]) -> int:
    """Run ``cephkit export``; the status is 0.

    Raises:
        CephkitError: something cannot be read or written; see ``export``.
    """
    export(parse(ExportOptions, argv, "cephkit export"))
    return 0


def export(options: ExportOptions) -> list[Path]:
    """Write the files, and return their paths.

    Raises:
        SettingsError: an input, a folder or a film that does not exist or does not fit; a file that already exists.
        LabelError: landmarks that cannot be read or lie outside their film.
        FilmError: a film that cannot be read.
    """
    if options.format == "onnx":
        return [_export_model(options)]
    made = FORMATS[options.format]
    records = _records(options)
    settings = FormatSettings(_finding(options.films), options.image_prefix, options.deidentified)
    files = made.files(with_films(records, options.films) if made.names_films else records, settings)
    written = write_files(options.out, files, label_files(options.predictions), options.overwrite)
    for path in written[:3]:
        print(path)
    if len(written) > 3:
        print(f"... {len(written)} files in {options.out}")
    print(NOTICE)
    return written


def _export_model(options: ExportOptions) -> Path:
    """Write the model of ``--checkpoint`` as ONNX."""
    from cephkit.model_paths import one_checkpoint
    from cephkit.onnx.export import export_onnx  # torch, which landmarks do not need

    assert options.checkpoint is not None
    checkpoint = one_checkpoint(options.checkpoint)
    films = [] if options.films is None else films_in(options.films, notify=print)
    out = (
        options.out
        if options.out.suffix == ".onnx"
        else options.out / f"{options.checkpoint.name.removesuffix('.pth')}.onnx"
    )
    if out.exists() and not options.overwrite:
        raise SettingsError(f"{out}: already exists; choose another --out, or use --overwrite")
    print("tracing the model and comparing it with PyTorch; this takes a minute or two", flush=True)
    done = export_onnx(checkpoint, out, refine=options.refine, variant=options.variant, films=films)
    print(f"{done.path}: {done.size_bytes / 2**20:.1f} MiB, {' '.join(done.outputs)}")
    where = "on the films given" if films else "on a drawn film, which no model was trained on"
    print(f"its points lie {done.gap_px:.2g} film pixels or less from PyTorch's, mean {done.mean_gap_px:.2g}, {where}")
    if "expected_errors" not in done.outputs:
        print("no expected errors: the checkpoint has no calibration for this way of predicting (cephkit calibrate)")
    print(NOTICE)
    return done.path


def _finding(folder: Path | None) -> Callable[[LandmarkRecord], Path]:
    """Return what finds films in ``folder``, which is searched when the first film is sought."""

    @cache
    def films() -> FilmsByName:
        if folder is None:
            raise SettingsError("--format dicom_sr needs --films FOLDER with the DICOM films")
        return films_by_name(folder)

    return lambda record: film_of(record, films())


def _records(options: ExportOptions) -> list[LandmarkRecord]:
    records = read_records(options.predictions, named_schema(options.landmarks))
    if options.pixel_size_mm is None:
        return records
    spacing = square(options.pixel_size_mm, "--pixel_size_mm")
    return [record if record.spacing is not None else replace(record, spacing=spacing) for record in records]
