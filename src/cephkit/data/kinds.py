"""What a file is by its first bytes, for films that are read and for what is often mistaken for one."""

from cephkit.data.dicom.signature import begins_like_dicom

HEAD = 512
"""Bytes that are enough to tell."""
_BITMAP_HEADS = (12, 40, 52, 56, 64, 108, 124)
"""Sizes of a bitmap's second header: text may begin with BM as well."""
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
"""SOP class of a directory of DICOM files, as lies on CDs."""


def picture_kind(head: bytes) -> str:
    """PNG, JPEG, BMP, TIFF or WebP; empty where it is none of them. DICOM's mark counts before what any other says."""
    if begins_like_dicom(head):
        return ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADS:
        return "BMP"
    return next((kind for magic, kind in _PICTURES.items() if head.startswith(magic)), "")


def other_kind(head: bytes) -> str:
    """What a file that is no film is, as far as it is known here; else empty."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    return next((kind for magic, kind in _OTHERS.items() if head.startswith(magic)), "")


def is_dicom_directory(head: bytes) -> bool:
    """Whether this is a DICOMDIR: it lists the files of a CD and holds no picture."""
    return begins_like_dicom(head) and _DIRECTORY in head
