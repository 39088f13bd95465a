"""The 29 landmarks of the Aariz data set: order, names and tissues.

Order, titles and ids are from Khalid et al., Scientific Data 12:1336, 2025 (CC BY 4.0).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Tissue = Literal["bone", "tooth", "soft"]
Facing: TypeAlias = Literal["right", "left"]
"""The side of the film that a face points to."""
TISSUE_NAMES: dict[Tissue, str] = {"bone": "bone", "tooth": "tooth", "soft": "soft tissue"}


@dataclass(frozen=True)
class Landmark:
    """One landmark; ``landmark_id`` is its key in Aariz files."""

    symbol: str
    title: str
    landmark_id: str
    tissue: Tissue


LANDMARKS: tuple[Landmark, ...] = (
    Landmark("A", "A-point", "ckr20ld7v4a4r0za3gqkydid2", "bone"),
    Landmark("ANS", "Anterior Nasal Spine", "ckr6rysyb3jyi0y303gbq84ks", "bone"),
    Landmark("B", "B-point", "ckr6rysyb3jyk0y301dcyhf9q", "bone"),
    Landmark("Me", "Menton", "ckr6rysyc3jym0y307w5s1g4a", "bone"),
    Landmark("N", "Nasion", "ckr6rysyc3jyo0y3083er4fow", "bone"),
    Landmark("Or", "Orbitale", "ckr6rysyc3jyq0y306afa3t9a", "bone"),
    Landmark("Pog", "Pogonion", "ckr6rysyd3jys0y30gd1rahjp", "bone"),
    Landmark("PNS", "Posterior Nasal Spine", "ckr6rysyd3jyu0y30ah3205y8", "bone"),
    Landmark("Pn", "Pronasale", "ckr6rysyd3jyw0y30hbbkfcb2", "soft"),
    Landmark("R", "Ramus", "ckr6rysye3jyy0y30h8n07rrl", "bone"),
    Landmark("S", "Sella", "ckr6rysye3jz00y30fzx36g43", "bone"),
    Landmark("Ar", "Articulare", "ckr6rysye3jz20y303mmleb3m", "bone"),
    Landmark("Co", "Condylion", "ckr6rysye3jz40y309hjl6dp2", "bone"),
    Landmark("Gn", "Gnathion", "ckr6rysyf3jz60y30d6ir73i6", "bone"),
    Landmark("Go", "Gonion", "ckr6rysyf3jz80y308ruj39bx", "bone"),
    Landmark("Po", "Porion", "ckr6rysyf3jza0y3010od7lu3", "bone"),
    Landmark("LPM", "Lower 2nd PM Cusp Tip", "ckr6rysyf3jzc0y30bjsl17p5", "tooth"),
    Landmark("LIT", "Lower Incisor Tip", "ckr6rysyf3jze0y308g246gqv", "tooth"),
    Landmark("LMT", "Lower Molar Cusp Tip", "ckr6rysyf3jzg0y3004pzauxj", "tooth"),
    Landmark("UPM", "Upper 2nd PM Cusp Tip", "ckr6rysyf3jzi0y303zh895ny", "tooth"),
    Landmark("UIA", "Upper Incisor Apex", "ckr6rysyg3jzk0y303unk9msw", "tooth"),
    Landmark("UIT", "Upper Incisor Tip", "ckr6rysyg3jzm0y30e4r55szn", "tooth"),
    Landmark("UMT", "Upper Molar Cusp Tip", "ckr6rysyg3jzo0y309pc56jgb", "tooth"),
    Landmark("LIA", "Lower Incisor Apex", "ckr6rysyg3jzq0y309625913x", "tooth"),
    Landmark("Li", "Labrale inferius", "ckr6rysyg3jzs0y30533sccfw", "soft"),
    Landmark("Ls", "Labrale superius", "ckr6rysyg3jzu0y308e25br5c", "soft"),
    Landmark("N`", "Soft Tissue Nasion", "ckr6rysyg3jzw0y30cnaufc5r", "soft"),
    Landmark("Pog`", "Soft Tissue Pogonion", "ckr6rysyh3jzy0y30dqpoar9x", "soft"),
    Landmark("Sn", "Subnasale", "ckr6rysyh3k000y302tpa6jn2", "soft"),
)
SYMBOLS: tuple[str, ...] = tuple(landmark.symbol for landmark in LANDMARKS)
BY_SYMBOL: dict[str, Landmark] = {landmark.symbol: landmark for landmark in LANDMARKS}
BY_ID: dict[str, Landmark] = {landmark.landmark_id: landmark for landmark in LANDMARKS}

_PRIMES = str.maketrans({"'": "`", "\N{PRIME}": "`", "\N{RIGHT SINGLE QUOTATION MARK}": "`"})


def canonical_symbol(symbol: str) -> str:
    """``symbol`` as spelled in this package: soft-tissue points end in a backtick.

    Raises:
        KeyError: the symbol is not one of the 29.
    """
    plain = symbol.strip().translate(_PRIMES)
    if plain not in BY_SYMBOL:
        raise KeyError(f"unknown landmark symbol {symbol!r}; known: {' '.join(SYMBOLS)}")
    return plain


def in_canonical_order(symbols: Iterable[str]) -> tuple[str, ...]:
    """The given symbols without duplicates, in the order of ``LANDMARKS``."""
    wanted = {canonical_symbol(symbol) for symbol in symbols}
    return tuple(symbol for symbol in SYMBOLS if symbol in wanted)
