"""Where settings come from, each above those before it: defaults, a TOML file, TFRAFT_* variables, options."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import msgspec

from tfraft.clusters.settings import SETTINGS, ServeSettings, Setting
from tfraft.errors import SettingError

CONFIG_VARIABLE: Final = "TFRAFT_CONFIG"
MAX_FILE_BYTES: Final = 1024 * 1024
_PREFIX = "TFRAFT_"
_SHOWN_CHARACTERS = 200

Values = dict[str, object]


def read_settings(
    options: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    config: str | None = None,
    other_variables: Collection[str] = (),
) -> ServeSettings:
    """The settings that these sources give. `options` maps keys to what was typed; None is an option not given.

    `config` is the file that was typed; without it TFRAFT_CONFIG names one, if anything does. `other_variables` are
    those that belong to other commands. Raises SettingError, which names the source: for a setting that does not
    exist, for one that has no such value, for one that is missing."""
    config = config or environ.get(CONFIG_VARIABLE)
    values: Values = {}
    if config is not None:
        values |= from_file(Path(config))
    values |= from_environment(environ, other_variables)
    values |= from_options(options)
    for setting in SETTINGS.values():
        if setting.is_required and setting.key not in values:
            raise SettingError(
                f"{setting.key} is missing: {setting.option} {setting.about.form}, or {setting.variable}, or "
                f"{setting.key} in the file of --config"
            )
    return ServeSettings(**values)  # type: ignore[arg-type]  # Each has been converted to the type of its field.


def from_file(path: Path) -> Values:
    """The settings in a TOML file. Raises SettingError, which names the line or the key."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(text) > MAX_FILE_BYTES:
        raise SettingError(f"{path} is no file of settings: it has more than {MAX_FILE_BYTES:,} bytes")
    try:
        fields = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # From UTF-8 and from TOML alike; and tables nested without end.
        raise SettingError(f"{path} is no TOML: {_shown(str(error))}") from None
    values: Values = {}
    for key, value in fields.items():
        if key not in SETTINGS:
            raise SettingError(f"{path}: {_unknown(key, SETTINGS)}")
        values[key] = _converted(SETTINGS[key], value, f"{path}: {key}", is_text=False)
    return values


def from_environment(environ: Mapping[str, str], other_variables: Collection[str] = ()) -> Values:
    """The settings in variables that begin with TFRAFT_; an empty one is a value like any other."""
    known = {setting.variable: setting for setting in SETTINGS.values()}
    values: Values = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(_PREFIX) or name == CONFIG_VARIABLE:
            continue
        if name in known:
            values[known[name].key] = _converted(known[name], text, name, is_text=True)
        elif name not in other_variables:
            raise SettingError(f"the environment: {_unknown(name, [*known, CONFIG_VARIABLE])}")
    return values


def from_options(options: Mapping[str, object]) -> Values:
    """The settings among the options of a command line."""
    return {
        key: _converted(SETTINGS[key], value, SETTINGS[key].option, is_text=True)
        for key, value in options.items()
        if value is not None
    }


def _converted(setting: Setting, value: object, source: str, *, is_text: bool) -> object:
    """`value` as the setting has it; text stands for numbers and switches only where nothing else can be written."""
    given = value
    # What takes several values takes one, or some between commas, in a file, too.
    if isinstance(setting.default, tuple) and isinstance(value, str):
        given = [part.strip() for part in value.split(",")]
    try:
        return msgspec.convert(given, setting.type, strict=not is_text)
    except msgspec.ValidationError:
        raise SettingError(
            f"{setting.key} must be {setting.about.expected}, not {_shown(value)}   ({source})"
        ) from None


def _unknown(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, list(names), n=1)
    advice = f" Did you mean {close[0]}?" if close else ""
    return f"there is no setting {_shown(name)[1:-1]}.{advice}"


def _shown(value: object) -> str:
    """What somebody has written, in a form that is safe to print."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
