"""Whatever somebody writes as settings, they are read or refused in one sentence."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tfraft.clusters.server_home import ServerFile, decode
from tfraft.clusters.setting_sources import read_settings
from tfraft.clusters.settings import SETTINGS, ServeSettings
from tfraft.errors import DataError, SettingError

KEYS = st.sampled_from(list(SETTINGS))
WORDS = st.text(max_size=40) | st.sampled_from(["n1", "127.0.0.1:1", "true", "1", "0.2", "json", "info"])


def settings_or_sentence(options: dict[str, object], environ: dict[str, str], file: bytes) -> None:
    """Settings come of these, or a SettingError of one printable line."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "serve.toml"
        path.write_bytes(file)
        told = ""
        try:
            assert isinstance(read_settings(options, environ, config=str(path)), ServeSettings)
        except SettingError as error:
            told = str(error)
        assert told.isprintable()
        assert len(told) < 1_000


@given(st.dictionaries(KEYS, WORDS))
def test_any_words_as_options(options: dict[str, object]) -> None:
    settings_or_sentence(options, {}, b"")


@given(st.dictionaries(KEYS.map(lambda key: SETTINGS[key].variable) | WORDS.map("TFRAFT_".__add__), WORDS))
def test_any_words_as_variables(environ: dict[str, str]) -> None:
    settings_or_sentence({"id": "n1", "data_dir": "d"}, environ, b"")


@given(
    st.binary(max_size=200)
    | st.dictionaries(KEYS | WORDS, WORDS | st.integers() | st.floats()).map(repr).map(str.encode)
)
def test_any_bytes_as_a_file(file: bytes) -> None:
    settings_or_sentence({"id": "n1", "data_dir": "d"}, {}, file)


@given(
    st.lists(st.tuples(KEYS, st.sampled_from(["1", "-1", "1.5", "true", "'x'", "[]", "{}", "['a:1']", "1979-05-27"])))
)
def test_any_values_of_toml(lines: list[tuple[str, str]]) -> None:
    file = "".join(f"{key} = {value}\n" for key, value in dict(lines).items())
    settings_or_sentence({"id": "n1", "data_dir": "d"}, {}, file.encode())


@given(st.binary(max_size=200))
def test_any_bytes_as_the_file_of_a_server(text: bytes) -> None:
    told = "server.toml"
    try:
        assert isinstance(decode(text, "server.toml"), ServerFile)
    except DataError as error:
        told = str(error)
    assert "server.toml" in told
