"""Where settings come from: the command line, a YAML file, or keyword arguments in Python."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from cephkit.errors import SettingsError
from cephkit.settings.options import NumberOrAuto, Options

Chosen = TypeVar("Chosen", bound=Options)


def parse(options: type[Chosen], argv: Sequence[str], command: str, default: Chosen | None = None) -> Chosen:
    """Return ``argv`` as ``options``; ``--image_size`` and ``--image-size`` mean the same.

    An unknown flag ends the program with status 2 and a message; ``--help`` prints every field's docstring and
    default.
    """
    import tyro

    given: dict[str, Any] = {} if default is None else {"default": default}
    chosen: Chosen = tyro.cli(options, args=list(argv), prog=command, use_underscores=True, **given)
    return chosen


def parse_with_file(options: type[Chosen], argv: Sequence[str], command: str, **defaults: Any) -> Chosen:
    """Parse as ``parse`` does, with ``--config FILE``: defaults < file < command line.

    Args:
        options: the class to make.
        argv: the command line.
        command: its name, for ``--help``.
        **defaults: replace the class's own defaults.

    Raises:
        SettingsError: see ``from_yaml``.
    """
    rest, file = [], None
    arguments = iter(argv)
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--config":
            file = value or next(arguments, "")
            if not file:
                raise SettingsError("--config needs the path of a YAML file")
        else:
            rest.append(argument)
    default = options(**defaults) if file is None else from_yaml(options, Path(file), **defaults)
    return parse(options, rest, command, default)


def from_yaml(options: type[Chosen], path: Path, **defaults: Any) -> Chosen:
    """Return the settings of a YAML file over the defaults of ``options``.

    Raises:
        SettingsError: the file cannot be read (see ``read_settings``), names a setting that does not exist, or holds
            a value of the wrong type; names the line.
    """
    from cephkit.settings.yaml_file import read_settings

    settings = read_settings(path)
    places = {key: f", {setting.place}" for key, setting in settings.items()}
    values = {key: setting.value for key, setting in settings.items()}
    return _structure(options, {**defaults, **values}, f"--config {path}", places)


def from_keywords(options: type[Chosen], given: Chosen | None, settings: Mapping[str, Any], name: str) -> Chosen:
    """Return ``given``, or the options made of keyword arguments of the function called ``name``.

    Paths may be strings, and a single path may stand for a tuple of one.

    Raises:
        SettingsError: both were given, or a setting does not exist or has a value that cannot work.
    """
    if given is None:
        return _structure(options, settings, name, {})
    if settings:
        raise SettingsError(f"{name}: pass either an options object or keyword arguments")
    return given


def to_plain(options: Any) -> dict[str, Any]:
    """Return a settings dataclass as types that YAML and a checkpoint can hold."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return value.as_posix()
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in asdict(options).items()}


def _structure(options: type[Chosen], values: Mapping[str, Any], source: str, places: Mapping[str, str]) -> Chosen:
    """Return ``values`` as ``options``; ``places`` says where in ``source`` each was found."""
    import cattrs

    names = [field.name for field in fields(options)]
    for key in values:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{source}{places.get(key, '')}: there is no setting {key!r}{hint}")
    converter = cattrs.Converter(prefer_attrib_converters=False)
    converter.register_structure_hook(bool, lambda value, _: _strict_bool(value))
    converter.register_structure_hook(NumberOrAuto, lambda value, _: value if value == "auto" else int(value))
    converter.register_structure_hook_func(lambda kind: kind == tuple[Path, ...], lambda value, _: _paths(value))
    try:
        return converter.structure(dict(values), options)
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from error
    except Exception as error:  # cattrs gathers errors of every kind in one group
        lines = "; ".join(cattrs.transform_error(error))
        lines = re.sub(r"\$\.(\w+)", lambda match: match[1] + places.get(match[1], ""), lines)
        raise SettingsError(f"{source}: {lines}") from error


def _strict_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r}")
    return value


def _paths(value: Any) -> tuple[Path, ...]:
    return (Path(value),) if isinstance(value, str | Path) else tuple(Path(each) for each in value)
