"""Landmark schemas as YAML files.

name: My clinic
landmarks:
  - S                                                  # one that is known already
  - {symbol: Go, differs: the corner of the tangents}  # a known one, described further
  - symbol: Ba
    title: Basion
    tissue: bone                                       # bone, tooth or soft
    aliases: [basion]                                  # what it is called in data sets
    outline: cranial base
"""

import re
import unicodedata
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml

from cephkit.errors import SettingsError
from cephkit.landmarks.schema import TISSUES, Landmark, LandmarkSchema, Tissue, spelled
from cephkit.yaml_file import at, mapping, read_yaml

LARGEST_BYTES = 512 * 1024
MOST_LANDMARKS = 500
"""More than any published scheme by far; a heatmap of each must fit in memory."""
_DEEPEST = 4
_LONGEST = {"symbol": 24, "title": 80}
_LONGEST_TEXT = 1000
_SYMBOL = re.compile(r"[^\W_][\w`+-]{0,23}")
_FIELDS = {"id" if field.name == "landmark_id" else field.name: field.name for field in fields(Landmark)}
Plain: TypeAlias = dict[str, Any]


def read_schema(path: Path, known: LandmarkSchema) -> LandmarkSchema:
    """Read the schema in ``path``; it need not repeat what is ``known`` of a landmark.

    Raises:
        SettingsError: see ``read_yaml``; or it is not such a list of landmarks; gives the place.
    """
    where = str(path)
    node = read_yaml(path, where, _DEEPEST, LARGEST_BYTES)
    if node is None:
        raise SettingsError(f"{where}: is empty, expected a name and a list of landmarks")
    keys = mapping(node, where, "name and landmarks")
    if unknown := keys.keys() - {"name", "landmarks"}:
        name = sorted(unknown)[0]
        raise SettingsError(f"{where}, {keys[name][1]}: there is no {name!r:.40}; expected name and landmarks")
    listed = keys["landmarks"][0] if "landmarks" in keys else None
    if not isinstance(listed, yaml.SequenceNode) or not listed.value:
        raise SettingsError(f"{where}: landmarks must be a list of landmarks")
    if len(listed.value) > MOST_LANDMARKS:
        raise SettingsError(f"{where}: {len(listed.value)} landmarks, at most {MOST_LANDMARKS} are possible")
    title = _text(keys["name"][0], f"{where}, {keys['name'][1]}", "name") if "name" in keys else path.stem
    landmarks = [_landmark(entry, where, known) for entry in listed.value]
    for place, landmark in enumerate(landmarks):
        if landmark.symbol in [other.symbol for other in landmarks[:place]]:
            line = at(listed.value[place].start_mark)
            raise SettingsError(f"{where}, {line}: {landmark.symbol} is in the list already")
    schema = _checked(title, landmarks, where)
    for landmark in schema:
        if landmark.mirror and landmark.mirror not in schema:
            raise SettingsError(f"{where}: the mirror of {landmark.symbol}, {landmark.mirror}, is not in the list")
    return schema


def schema_of(plain: Any, known: LandmarkSchema, where: str) -> LandmarkSchema:
    """Return the schema that ``schema_dict`` wrote, perhaps a part of one, without the mirror of a landmark.

    Raises:
        SettingsError: it is no such schema.
    """
    try:
        name, entries = plain["name"], plain["landmarks"]
        if not isinstance(name, str) or not isinstance(entries, list) or len(entries) > MOST_LANDMARKS:
            raise TypeError
        landmarks = [
            known[entry]
            if isinstance(entry, str)
            else _made({key: _plain(key, entry[key]) for key in entry}, where, None)
            for entry in entries
        ]
    except (KeyError, TypeError) as error:
        raise SettingsError(f"{where}: holds no list of landmarks ({error})") from error
    return _checked(name, landmarks, where)


def schema_dict(schema: LandmarkSchema, known: LandmarkSchema) -> Plain:
    """Return plain types; of a landmark that is ``known``, only the symbol."""
    return {
        "name": schema.name,
        "landmarks": [
            mark.symbol if mark.symbol in known and known[mark.symbol] == mark else _landmark_dict(mark)
            for mark in schema
        ],
    }


def schema_yaml(schema: LandmarkSchema, known: LandmarkSchema) -> str:
    """Return the text of a file that ``read_schema`` reads."""
    return yaml.safe_dump(schema_dict(schema, known), allow_unicode=True, sort_keys=False, width=120)


def _landmark_dict(landmark: Landmark) -> Plain:
    values = asdict(landmark)
    plain = {key: values[name] for key, name in _FIELDS.items() if values[name]}
    return {**plain, **({"aliases": list(landmark.aliases)} if landmark.aliases else {})}


def _plain(key: str, value: Any) -> Any:
    if key == "aliases" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    if key == "aliases" or not isinstance(value, str):
        raise TypeError(f"{key} is {value!r:.40}")
    if len(value) > (longest := _LONGEST.get(key, _LONGEST_TEXT)):
        raise TypeError(f"{key} has {len(value)} characters, at most {longest} are possible")
    return value


def _checked(name: str, landmarks: list[Landmark], where: str) -> LandmarkSchema:
    alike: dict[str, str] = {}
    for landmark in landmarks:
        other = alike.setdefault(_key(landmark.symbol), landmark.symbol)
        if other != landmark.symbol:
            raise SettingsError(f"{where}: {other} and {landmark.symbol} are too alike to tell apart; rename one")
    try:
        return LandmarkSchema(name, tuple(landmarks))
    except ValueError as error:
        raise SettingsError(f"{where}: {error}; each name must stand for one landmark") from error


def _key(symbol: str) -> str:
    """What file names and columns of statistics programs tell apart."""
    return re.sub(r"[^\w`]", "_", unicodedata.normalize("NFKC", symbol)).casefold()


def _landmark(node: yaml.Node, where: str, known: LandmarkSchema) -> Landmark:
    place = f"{where}, {at(node.start_mark)}"
    if isinstance(node, yaml.ScalarNode):
        symbol = _text(node, place, "symbol")
        if symbol not in known:
            raise SettingsError(f"{place}: {symbol} is not known yet; give it a title and a tissue")
        return known[symbol]
    given: Plain = {}
    for key, (value, at_key) in mapping(node, where, "a symbol, or symbol, title, tissue, ...").items():
        here = f"{where}, {at_key}"
        if key not in _FIELDS:
            raise SettingsError(f"{here}: a landmark has no {key!r:.40}; expected some of {', '.join(_FIELDS)}")
        if key == "aliases":
            if not isinstance(value, yaml.SequenceNode):
                raise SettingsError(f"{here}: aliases must be a list")
            given[key] = tuple(_text(each, f"{where}, {at(each.start_mark)}", "alias") for each in value.value)
        else:
            given[key] = _text(value, here, key)
    return _made(given, place, known.get(spelled(given.get("symbol", ""))))


def _made(given: Plain, where: str, known: Landmark | None) -> Landmark:
    """Make a landmark of what a file says, and of what is ``known`` of it."""
    symbol = spelled(given.get("symbol", ""))
    if not _SYMBOL.fullmatch(symbol):
        raise SettingsError(
            f"{where}: symbol {symbol!r:.40} must begin with a letter or digit; letters, digits, ` ' _ + - may follow"
        )
    if (tissue := given.get("tissue", known and known.tissue)) not in TISSUES:
        raise SettingsError(f"{where}: tissue of {symbol} is {tissue!r:.40}, expected {', '.join(TISSUES)}")
    if known is None and not given.get("title"):
        raise SettingsError(f"{where}: {symbol} has no title")
    values: Plain = {_FIELDS[key]: value for key, value in given.items()} | {"symbol": symbol}
    if "mirror" in values:
        values["mirror"] = spelled(values["mirror"])
    if known is None:
        return Landmark(**{**values, "tissue": cast(Tissue, tissue)})
    title = values.pop("title", known.title)
    if (title.casefold(), tissue) not in {(name.casefold(), known.tissue) for name in (known.title, *known.aliases)}:
        raise SettingsError(
            f"{where}: {symbol} is {known.title} ({known.tissue}), not {title} ({tissue}); leave title and tissue "
            "out if it is the same landmark, choose another symbol if not"
        )
    aliases = tuple(dict.fromkeys((*known.aliases, *values.pop("aliases", ()))))
    return replace(known, **values, aliases=aliases)


def _text(node: yaml.Node, where: str, name: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise SettingsError(f"{where}: {name} must be text")
    text = " ".join(node.value.split())
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn") for letter in text):
        raise SettingsError(f"{where}: {name} contains a character that cannot be printed")
    longest = _LONGEST.get(name, _LONGEST_TEXT)
    if not text or len(text) > longest:
        raise SettingsError(f"{where}: {name} has {len(text)} characters, expected 1 to {longest}")
    return text
