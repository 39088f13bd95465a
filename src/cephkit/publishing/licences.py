"""Which data sets may be handed on, and which models trained on them.

A hint is enough to hold a model back: the name, layout or machines of a restricted data set. To count as free, a data
set must fit in all that its checkpoint records. What is neither has a licence that only its user knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cephkit.data.synthetic.shapes import table
from cephkit.datasets.cl_detection import ClDetection2023, ClDetectionCoco
from cephkit.datasets.isbi import Isbi2015
from cephkit.datasets.origins import AARIZ, SYNTHETIC, DataOrigin
from cephkit.errors import SettingsError, some


@dataclass(frozen=True)
class Terms:
    """What may be done with a data set, and with what is made from it."""

    title: str
    licence: str
    """In a few words."""
    text: str
    """In full."""
    citation: str = ""
    is_free: bool = True
    """Whether weights trained on it may be handed on."""
    names: tuple[str, ...] = ()
    """Parts of names, in small letters and digits."""
    layouts: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    """Of a restricted data set: any of them is a hint. Of a free one: it has no others."""


ISBI_2015 = Terms(
    title="ISBI 2015",
    licence="no licence; research use",
    text="The films were published for a challenge, for research, without a licence to pass on films or works derived "
    "from them.",
    citation="Wang et al., A benchmark for comparison of dental radiography analysis algorithms, Medical Image "
    "Analysis 31:63-76, 2016",
    is_free=False, names=("isbi",), layouts=(Isbi2015.title,), machines=("ISBI2015",),
)  # fmt: skip
CL_DETECTION_2023 = Terms(
    title="CL-Detection 2023",
    licence="by agreement with the organisers",
    text="The organisers of the challenge hand the films out by agreement. Films, and works derived from them, are not "
    "to be handed on without their permission.",
    is_free=False, names=("cldetection",), layouts=(ClDetection2023.title, ClDetectionCoco.title),
)  # fmt: skip
AARIZ_2025 = Terms(
    title="Aariz",
    licence="CC BY 4.0",
    text="It may be used, changed and passed on, also commercially, if its authors are named.",
    citation="Khalid et al., A benchmark dataset for automatic cephalometric landmark detection and CVM stage "
    "classification, Scientific Data 12:1336, 2025, DOI 10.6084/m9.figshare.27986417",
    names=("aariz",), layouts=(AARIZ,), machines=tuple(sorted({entry["machine"] for entry in table()["machines"]})),
)  # fmt: skip
SYNTHETIC_FILMS = Terms(
    title="synthetic films of cephkit",
    licence="CC BY 4.0",
    text="They show no patient. A program draws them around faces drawn at random from the mean and the principal "
    "components of the Aariz annotations, whose authors are to be named.",
    citation=AARIZ_2025.citation,
    layouts=(SYNTHETIC,), machines=AARIZ_2025.machines,
)  # fmt: skip
RESTRICTED, FREE = (ISBI_2015, CL_DETECTION_2023), (AARIZ_2025, SYNTHETIC_FILMS)


@dataclass(frozen=True)
class Licensed:
    """A data set with its terms."""

    origin: DataOrigin
    terms: Terms | None
    """None: not known."""
    is_stated: bool = False
    """Whether the terms are those that the user gave."""


def terms_of(origin: DataOrigin) -> Terms | None:
    """Return the terms of a data set that is known; else None."""
    name = _letters(origin.name)
    for terms in RESTRICTED:
        if (
            any(part in name for part in terms.names)
            or origin.layout in terms.layouts
            or set(origin.machines) & set(terms.machines)
        ):
            return terms
    for terms in FREE:
        # A checkpoint that records no layout has no machines either: the name is all there is.
        is_recorded = bool(origin.layout)
        named = any(part in name for part in terms.names) or not terms.names
        fits = origin.layout in terms.layouts and bool(origin.machines) and set(origin.machines) <= set(terms.machines)
        if named and (fits if is_recorded else bool(terms.names)):
            return terms
    return None


def hinted(text: str) -> list[Terms]:
    """Return the restricted data sets that ``text`` hints at, by a name or a machine."""
    letters = _letters(text)
    return [terms for terms in RESTRICTED if any(part in letters for part in terms.names)]


def licensed(origins: Iterable[DataOrigin], stated: Mapping[str, str]) -> list[Licensed]:
    """Return data sets with their terms, each once.

    Args:
        origins: the data sets.
        stated: the terms that the user gives, by name of a data set.

    Raises:
        SettingsError: terms are given for a data set that there is not, or whose terms are known.
    """
    found = []
    for origin in origins:
        terms = terms_of(origin)
        if terms is None and origin.name in stated:
            text = stated[origin.name]
            found.append(Licensed(origin, Terms(origin.name, text, ""), is_stated=True))
        else:
            found.append(Licensed(origin, terms))
    found = [each for index, each in enumerate(found) if each not in found[:index]]
    taken = {each.origin.name for each in found if each.is_stated}
    if foreign := [name for name in stated if name not in taken]:
        names = some([each.origin.name for each in found if each.terms is None or each.is_stated]) or "none"
        raise SettingsError(f"--data_licence {foreign[0]!r}: the data sets whose licence is not known are: {names}")
    return found


def parsed(given: Sequence[str]) -> dict[str, str]:
    """Return ``NAME: TEXT`` as texts by name.

    Raises:
        SettingsError: one has not this form.
    """
    found = {}
    for each in given:
        name, _, text = (part.strip() for part in each.partition(":"))
        if not name or not text:
            raise SettingsError(f'--data_licence {each!r}: write "NAME: TEXT", such as "clinic: CC BY 4.0"')
        found[name] = text
    return found


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
