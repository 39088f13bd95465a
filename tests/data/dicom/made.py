"""DICOM films made by pydicom itself, each with a patient whose data must never come out."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

PATIENT = {
    "PatientName": "SENTINEL^Name", "PatientID": "SENTINEL-ID", "InstitutionName": "SENTINEL Clinic",
    "PatientBirthDate": "19010203", "StudyDate": "19040506", "ReferringPhysicianName": "SENTINEL^Doctor",
    "StudyDescription": "SENTINEL study", "PatientComments": "SENTINEL comment",
}  # fmt: skip
SECRETS = ("SENTINEL", "19010203", "19040506")


def film(pixels: NDArray[Any], **elements: Any) -> Dataset:
    """A film of ``pixels`` (H, W) or (H, W, 3), unsigned or signed; ``elements`` replace or, if None, remove some."""
    dataset = Dataset()
    for keyword, value in PATIENT.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["film"])  # the same for every worker of the tests
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 1 if pixels.ndim == 2 else pixels.shape[2]
    dataset.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if "HighBit" not in dataset:
        dataset.HighBit = max(dataset.BitsStored - 1, 0)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"
    return dataset


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The file's bytes; pixels are as they lie in ``dataset``, compressed or not."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", ComputedRadiographyImageStorage)
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    if UID(syntax).is_encapsulated and "PixelData" in dataset:
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def compressed(dataset: Dataset, frame: bytes, syntax: str) -> bytes:
    """``written`` with one compressed ``frame`` as pixels."""
    dataset.PixelData = encapsulate([frame])
    return written(dataset, syntax)


def lut(entries: NDArray[np.uint16], first: int, bits: int) -> list[Dataset]:
    """A sequence of one lookup table."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return [item]


def shades(bits: int, shape: tuple[int, int] = (48, 40), seed: int = 0) -> NDArray[Any]:
    """Random values of all ``bits``."""
    values = np.random.default_rng(seed).integers(0, 1 << bits, shape)
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def displayed(values: NDArray[Any], bits: int = 12) -> NDArray[np.uint16]:
    """Values of ``bits`` as a film shows them without a window: white at the end of 16 bits."""
    return np.rint(values.astype(np.float64) * (65535 / ((1 << bits) - 1))).astype(np.uint16)
