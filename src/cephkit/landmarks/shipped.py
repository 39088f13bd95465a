"""The schemas that come with cephkit, and the choice of one."""

from functools import cache
from pathlib import Path

from cephkit.errors import SettingsError
from cephkit.landmarks.schema import LandmarkSchema, merged
from cephkit.landmarks.schema_file import read_schema

FOLDER = Path(__file__).parent
SHIPPED = ("aariz", "isbi2015", "cl_detection2023")
"""Names of the schemas in files of this folder; a later one may refer to landmarks of the earlier ones."""


@cache
def shipped(name: str) -> LandmarkSchema:
    """Return a schema that comes with cephkit; its order is that of the data set."""
    before = merged("known", [shipped(other) for other in SHIPPED[: SHIPPED.index(name)]])
    return read_schema(FOLDER / f"{name}.yaml", before)


AARIZ = shipped("aariz")
"""The 29 landmarks of Aariz, which measurements, outlines and checks of the face's shape know."""
KNOWN = merged("known", map(shipped, SHIPPED))
"""One name for one anatomical point of all shipped schemas, Aariz's first."""


def named_schema(named: str | None) -> LandmarkSchema:
    """Return the schema that a user names: a shipped one, or a YAML file; None: all that are known.

    Its landmarks come in the order of ``KNOWN``, whatever the order of the file, and then the others.

    Raises:
        SettingsError: there is no such file, or it holds no schema.
    """
    return KNOWN if named is None else in_known_order(schema_as_written(named))


def schema_as_written(named: str) -> LandmarkSchema:
    """Return the schema that a user names, in its own order, which labels with numbered landmarks follow.

    Raises:
        SettingsError: see ``named_schema``.
    """
    if named in SHIPPED:
        return shipped(named)
    if not Path(named).exists():
        raise SettingsError(f"--landmarks {named}: no such file; give a YAML file, or one of {', '.join(SHIPPED)}")
    return read_schema(Path(named), KNOWN)


def in_known_order(*schemas: LandmarkSchema) -> LandmarkSchema:
    """Return the landmarks of ``schemas``, those of ``KNOWN`` first and in its order.

    Raises:
        SettingsError: one name stands for two landmarks.
    """
    together = merged(" + ".join(dict.fromkeys(schema.name for schema in schemas)), schemas)
    ordered = [together[symbol] for symbol in KNOWN.symbols if symbol in together]
    others = [landmark for landmark in together if landmark.symbol not in KNOWN]
    return LandmarkSchema(together.name, (*ordered, *others))
