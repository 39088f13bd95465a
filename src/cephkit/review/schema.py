"""The landmarks of a session, and those of earlier sessions in the same folder of results."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cephkit.errors import CephkitError, some
from cephkit.files import write_whole
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.schema_file import LARGEST_BYTES, MOST_LANDMARKS, read_schema, schema_yaml
from cephkit.landmarks.shipped import AARIZ, KNOWN, in_known_order

NONE = LandmarkSchema("none", ())
USUAL = KNOWN.of(AARIZ.symbols)
"""The 29 of Aariz, described as everywhere."""


def session_schema(
    chosen: LandmarkSchema | None, datasets: Sequence[LandmarkSchema], others: Sequence[LandmarkSchema]
) -> LandmarkSchema:
    """Return the landmarks that a session shows.

    These are the chosen ones, else those that its data sets, its model and its files can have. For films without
    labels they are the 29 of Aariz as long as nothing has others.

    Args:
        chosen: by the user.
        datasets: of each data set.
        others: of a model, of predictions, and of earlier sessions.

    Raises:
        SettingsError: one name stands for two landmarks.
    """
    together = in_known_order(*(schema for schema in (chosen, *datasets, *others) if schema is not None and schema))
    if chosen is not None:
        return chosen
    return USUAL if not datasets and set(together.symbols) <= set(USUAL.symbols) else together


class KeptSchema:
    """The landmarks in the journals of a folder of results that are not among the 29 of Aariz, described in a file.

    Args:
        out: the folder of results.

    Raises:
        SettingsError: the file is damaged.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / "journal" / "landmarks.yaml"
        self.schema = read_schema(self._path, KNOWN) if self._path.exists() else NONE

    def keep(self, schema: LandmarkSchema) -> None:
        """Write down the landmarks of ``schema`` that are not there yet.

        Raises:
            CephkitError: they cannot be written.
        """
        if schema.is_part_of(USUAL) or schema.is_part_of(self.schema):
            return
        together = in_known_order(schema, self.schema)
        text = schema_yaml(together, KNOWN).encode()
        if len(together) > MOST_LANDMARKS or len(text) > LARGEST_BYTES:
            raise CephkitError("too many landmarks, with those of earlier sessions", "choose another --out", self._path)
        write_whole(self._path, text)
        self.schema = together

    def extended(self, schema: LandmarkSchema, symbols: Iterable[str]) -> LandmarkSchema:
        """Return ``schema`` with the landmarks that only journals have.

        Raises:
            CephkitError: one of ``symbols`` is described nowhere, or a name stands for two landmarks.
        """
        beyond = [symbol for symbol in dict.fromkeys(symbols) if symbol not in schema]
        if not beyond:
            return schema
        known = [self.schema.get(symbol) or KNOWN.get(symbol) for symbol in beyond]
        unknown = [symbol for symbol, landmark in zip(beyond, known, strict=True) if landmark is None]
        if unknown:
            names = some([f"{symbol:.40}" for symbol in unknown])
            raise CephkitError(f"names landmarks that are not described: {names}", "describe them with --landmarks")
        found = LandmarkSchema(schema.name, tuple(landmark for landmark in known if landmark is not None))
        return in_known_order(schema, found)
