"""Recognises DICOM without pydicom, which takes a third of a second to import."""


def begins_like_dicom(data: bytes) -> bool:
    """Return whether the first bytes are those of a DICOM file."""
    return data[128:132] == b"DICM"


def begins_like_bare_dicom(data: bytes) -> bool:
    """Return whether these may be DICOM without its file header: group 2 or 8, a small element, a short value."""
    group, element = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
    has_type = data[4:6].isalpha() and data[4:6].isupper()
    length = int.from_bytes(data[6:8] if has_type else data[4:8], "little")
    return len(data) > 8 and group in (2, 8) and element < 0x100 and length < 256
