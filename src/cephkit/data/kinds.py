"""Recognises files by their first bytes: films that can be read, and what is often mistaken for one.

Without pydicom, which takes a third of a second to import.
"""


def begins_like_dicom(data: bytes) -> bool:
    """Return whether the first bytes are those of a DICOM file."""
    return data[128:132] == b"DICM"


def begins_like_bare_dicom(data: bytes) -> bool:
    """Return whether these may be DICOM without its file header: group 2 or 8, a small element, a short value."""
    group, element = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
    has_type = data[4:6].isalpha() and data[4:6].isupper()
    length = int.from_bytes(data[6:8] if has_type else data[4:8], "little")
    return len(data) > 8 and group in (2, 8) and element < 0x100 and length < 256


HEAD = 512
"""Number of bytes that suffice."""
_BITMAP_HEADS = (12, 40, 52, 56, 64, 108, 124)
"""Sizes of a bitmap's second header; they tell it from text that begins with BM."""
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"II*\0": "TIFF", b"MM\0*": "TIFF",
}  # fmt: skip
_OTHERS = {
    b"II+\0": "BigTIFF", b"MM\0+": "BigTIFF", b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"GIF8": "GIF", b"8BPS": "Photoshop", b"%PDF": "PDF",
    b"PK\x03\x04": "ZIP", b"Rar!": "RAR", b"7z\xbc\xaf": "7z", b"\x1f\x8b": "gzip",
}  # fmt: skip
_BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"hevc": "HEIC", b"avif": "AVIF",
}  # fmt: skip
_DIRECTORY = b"1.2.840.10008.1.3.10"
"""SOP class of a directory of DICOM files, as on CDs."""


def picture_kind(head: bytes) -> str:
    """Return PNG, JPEG, BMP, TIFF or WebP, or "" for anything else. DICOM's mark takes precedence."""
    if begins_like_dicom(head):
        return ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADS:
        return "BMP"
    return next((kind for magic, kind in _PICTURES.items() if head.startswith(magic)), "")


def other_kind(head: bytes) -> str:
    """Name the kind of a file that is not a film; empty if unknown."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    return next((kind for magic, kind in _OTHERS.items() if head.startswith(magic)), "")


def is_dicom_directory(head: bytes) -> bool:
    """Return whether this is a DICOMDIR, which lists the files of a CD and contains no picture."""
    return begins_like_dicom(head) and _DIRECTORY in head
