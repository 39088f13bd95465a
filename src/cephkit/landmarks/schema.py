"""A landmark, and a list of landmarks that belong together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

from cephkit.errors import SettingsError

Tissue = Literal["bone", "tooth", "soft"]
TISSUES: tuple[Tissue, ...] = get_args(Tissue)
TISSUE_NAMES: dict[Tissue, str] = {"bone": "bone", "tooth": "tooth", "soft": "soft tissue"}

_LONGEST_ABBREVIATION = 4
_PRIMES = str.maketrans({"'": "`", "\N{PRIME}": "`", "\N{RIGHT SINGLE QUOTATION MARK}": "`", "\N{ACUTE ACCENT}": "`"})


@dataclass(frozen=True)
class Landmark:
    """One landmark. Soft-tissue points over a point of bone have its symbol with a backtick, as in Aariz."""

    symbol: str
    title: str
    tissue: Tissue
    landmark_id: str = ""
    """Its key in label files; empty: the symbol is the key."""
    aliases: tuple[str, ...] = ()
    """What else it is called in data sets."""
    definition: str = ""
    title_fa: str = ""
    definition_fa: str = ""
    outline: str = ""
    """The outline of the head that it lies on, such as ``mandible``."""
    mirror: str = ""
    """Symbol of the same landmark on the other side of the head, where both are marked."""
    differs: str = ""
    """How this schema's landmark differs from the one of the same symbol elsewhere."""

    @property
    def key(self) -> str:
        """The key in label files."""
        return self.landmark_id or self.symbol


def spelled(name: str) -> str:
    """Return ``name`` without spaces around it, each kind of prime as a backtick."""
    return name.strip().translate(_PRIMES)


@dataclass(frozen=True)
class LandmarkSchema:
    """Landmarks that belong together, in order.

    Raises:
        ValueError: a name stands for two of them.
    """

    name: str
    landmarks: tuple[Landmark, ...]

    def __post_init__(self) -> None:
        owners: dict[str, Landmark] = {}
        for landmark in self.landmarks:
            for name in {landmark.symbol, landmark.key, *map(spelled, landmark.aliases)}:
                owner = owners.setdefault(name, landmark)
                if owner is not landmark:
                    raise ValueError(f"{name} stands for both {owner.title} and {landmark.title}")

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._by_symbol

    def __getitem__(self, symbol: str) -> Landmark:
        return self._by_symbol[symbol]

    def get(self, symbol: str) -> Landmark | None:
        """The landmark of that symbol; None: it is not in the schema."""
        return self._by_symbol.get(symbol)

    def __iter__(self) -> Iterator[Landmark]:
        return iter(self.landmarks)

    def __len__(self) -> int:
        return len(self.landmarks)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in order."""
        return tuple(landmark.symbol for landmark in self.landmarks)

    def find(self, name: str) -> Landmark | None:
        """Find the landmark of that symbol, key, alias or title; long names in any case. None: there is none."""
        plain = spelled(name)
        return self._by_name.get(plain) or self._by_long_name.get(plain.casefold())

    def symbol_of(self, name: str) -> str:
        """Return the symbol of the landmark that is called ``name``; see ``find``.

        Raises:
            KeyError: there is none.
        """
        landmark = self.find(name)
        if landmark is None:
            raise KeyError(f"unknown landmark {name!r:.40}; known: {' '.join(self.symbols)}")
        return landmark.symbol

    def in_order(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """Return ``symbols`` without duplicates, in the order of the schema.

        Raises:
            KeyError: one is not in the schema.
        """
        wanted = set(symbols)
        if unknown := wanted - self._by_symbol.keys():
            raise KeyError(f"unknown landmarks {' '.join(sorted(unknown))}; known: {' '.join(self.symbols)}")
        return tuple(symbol for symbol in self.symbols if symbol in wanted)

    def is_part_of(self, other: "LandmarkSchema") -> bool:
        """Whether ``other`` has all these landmarks, described alike."""
        return all(other.get(landmark.symbol) == landmark for landmark in self)

    def of(self, symbols: Iterable[str]) -> "LandmarkSchema":
        """Return the schema of some of the landmarks, in the same order.

        Raises:
            KeyError: see ``in_order``.
        """
        return LandmarkSchema(self.name, tuple(self[symbol] for symbol in self.in_order(symbols)))

    @cached_property
    def _by_symbol(self) -> dict[str, Landmark]:
        return {landmark.symbol: landmark for landmark in self.landmarks}

    @cached_property
    def _by_name(self) -> dict[str, Landmark]:
        names = {spelled(name): mark for mark in self.landmarks for name in (*mark.aliases, mark.key)}
        return names | self._by_symbol

    @cached_property
    def _by_long_name(self) -> dict[str, Landmark]:
        """By names that are no abbreviations, whose case matters: Li is a lip, and LI may be an incisor."""
        pairs = [(spelled(name), mark) for mark in reversed(self.landmarks) for name in (*mark.aliases, mark.title)]
        return {name.casefold(): mark for name, mark in pairs if len(name) > _LONGEST_ABBREVIATION}


def merged(name: str, schemas: Iterable[LandmarkSchema]) -> LandmarkSchema:
    """Return the landmarks of all ``schemas``, each once, in the order in which they first appear.

    The first description of a landmark counts; aliases add up.

    Raises:
        SettingsError: one name stands for two landmarks.
    """
    found: dict[str, Landmark] = {}
    for schema in schemas:
        for landmark in schema:
            known = found.get(landmark.symbol, landmark)
            if (known.title, known.tissue) != (landmark.title, landmark.tissue):
                raise SettingsError(
                    f"landmark {known.symbol} is {known.title} ({known.tissue}), but in {schema.name} {landmark.title} "
                    f"({landmark.tissue}); rename one of them"
                )
            aliases = tuple(dict.fromkeys((*known.aliases, *landmark.aliases)))
            found[landmark.symbol] = replace(known, aliases=aliases)
    try:
        return LandmarkSchema(name, tuple(found.values()))
    except ValueError as error:
        raise SettingsError(f"the landmarks of {name} do not go together: {error}; rename one of them") from error
