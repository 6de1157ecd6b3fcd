"""The settings of a server that runs by itself: each source, which of them counts, and what is said of a wrong one."""

from dataclasses import fields
from pathlib import Path

import pytest

from tfraft.clusters.addresses import addresses_in, host_of, is_everywhere, is_loopback, port_of
from tfraft.clusters.setting_sources import MAX_FILE_BYTES, read_settings
from tfraft.clusters.settings import SETTINGS, LogFormat, LogLevel, ServeSettings, Setting
from tfraft.clusters.transports import Transport
from tfraft.core.config import RaftConfig
from tfraft.errors import SettingError

NEEDED = {"id": "n1", "data_dir": "d"}

OTHER_THAN_DEFAULT = {
    "id": ("n7", "n7"),
    "data_dir": ("/var/lib/n7", "/var/lib/n7"),
    "listen": ("127.0.0.1:7007", "127.0.0.1:7007"),
    "advertise": ("proxy.example:7007", "proxy.example:7007"),
    "resp_listen": ("127.0.0.1:7379", "127.0.0.1:7379"),
    "transport": ("grpc", Transport.GRPC),
    "bootstrap": ("true", True),
    "join": ("a:1, [::1]:2", ("a:1", "[::1]:2")),
    "insecure": ("true", True),
    "election_timeout_s": ("2.5", 2.5),
    "heartbeat_interval_s": ("0.2", 0.2),
    "snapshot_log_bytes": ("1000", 1000),
    "snapshot_log_entries": ("1001", 1001),
    "keep_entries": ("0", 0),
    "priority": ("3", 3),
    "max_uncommitted_bytes": ("1002", 1002),
    "session_timeout_s": ("60", 60.0),
    "max_sessions": ("1003", 1003),
    "lease_reads": ("true", True),
    "clock_drift_bound": ("1.5", 1.5),
    "log_format": ("json", LogFormat.JSON),
    "log_level": ("debug", LogLevel.DEBUG),
}
"""Every setting with a value as text, and what it becomes."""

EVERY = pytest.mark.parametrize("key", SETTINGS)


def as_toml(key: str) -> str:
    """The setting as a line of a file."""
    text, value = OTHER_THAN_DEFAULT[key]
    written = text if isinstance(value, bool | int | float) else f'"{text}"'
    return f"{key} = {written}\n"


def given(key: str) -> dict[str, str]:
    """What else is needed for the setting `key`."""
    return {name: value for name, value in NEEDED.items() if name != key}


def test_the_model_has_every_setting_once_and_this_file_tries_each() -> None:
    assert list(SETTINGS) == [field.name for field in fields(ServeSettings)]
    assert set(OTHER_THAN_DEFAULT) == set(SETTINGS)
    assert all(setting.about.help.endswith(".") and setting.about.expected for setting in SETTINGS.values())


@EVERY
def test_every_setting_comes_from_an_option(key: str) -> None:
    text, value = OTHER_THAN_DEFAULT[key]
    assert getattr(read_settings({**given(key), key: text}, {}), key) == value


@EVERY
def test_every_setting_comes_from_a_variable(key: str) -> None:
    text, value = OTHER_THAN_DEFAULT[key]
    assert getattr(read_settings(given(key), {SETTINGS[key].variable: text, "OTHER": "x"}), key) == value


@EVERY
def test_every_setting_comes_from_a_file(key: str, tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(as_toml(key))
    _, value = OTHER_THAN_DEFAULT[key]
    assert getattr(read_settings(given(key), {}, config=str(file)), key) == value
    assert getattr(read_settings(given(key), {"TFRAFT_CONFIG": str(file)}), key) == value


def test_several_addresses_are_an_array_in_a_file_or_one_text(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    for value in ('["a:1", "b:2"]', '"a:1,b:2"'):
        file.write_text(f"join = {value}")
        assert read_settings(NEEDED, {}, config=str(file)).join == ("a:1", "b:2")


def test_an_option_counts_more_than_a_variable_and_that_more_than_a_file_and_that_more_than_a_default(
    tmp_path: Path,
) -> None:
    file = tmp_path / "serve.toml"
    file.write_text('log_level = "warning"\nbootstrap = true\n')
    environ: dict[str, str] = {}
    options: dict[str, object] = dict(NEEDED)
    levels = [read_settings(options, environ).log_level]
    levels.append(read_settings(options, environ, config=str(file)).log_level)
    environ["TFRAFT_LOG_LEVEL"] = "error"
    levels.append(read_settings(options, environ, config=str(file)).log_level)
    options["log_level"] = "debug"
    levels.append(read_settings(options, environ, config=str(file)).log_level)
    assert levels == [LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR, LogLevel.DEBUG]
    options["bootstrap"] = False
    assert read_settings(options, environ, config=str(file)).bootstrap is False
    options["bootstrap"] = None
    assert read_settings(options, environ, config=str(file)).bootstrap is True


def test_the_defaults_of_raft_are_those_of_its_configuration() -> None:
    assert read_settings(NEEDED, {}).raft_config() == RaftConfig()


def test_what_is_for_raft_reaches_it() -> None:
    config = read_settings({**NEEDED, "election_timeout_s": "2", "keep_entries": "7", "lease_reads": True}, {})
    assert config.raft_config() == RaftConfig(election_timeout_s=2, keep_entries=7, lease_reads=True)


@pytest.mark.parametrize(
    ("options", "environ", "file", "told"),
    [
        ({}, {}, "", "id is missing: --id ID, or TFRAFT_ID, or id in the file of --config"),
        (
            NEEDED,
            {"TFRAFT_LISTN": "a:1"},
            "",
            "the environment: there is no setting TFRAFT_LISTN. Did you mean TFRAFT_LISTEN?",
        ),
        (NEEDED, {"TFRAFT_QQQ": "1"}, "", "the environment: there is no setting TFRAFT_QQQ."),
        (
            NEEDED,
            {},
            "electon_timeout_s = 1",
            "{file}: there is no setting electon_timeout_s. Did you mean election_timeout_s?",
        ),
        (NEEDED, {}, "[log]\nlevel = 1", "{file}: there is no setting log."),
        (NEEDED, {}, '"\\u001b[2J" = 1', "{file}: there is no setting \\x1b[2J."),
        (NEEDED, {}, "listen = ", "{file} is no TOML: 'Invalid value (at end of document)'"),
        (NEEDED, {}, "log_level = 3", "log_level must be debug, info, warning or error, not 3   ({file}: log_level)"),
        (
            NEEDED,
            {},
            'keep_entries = "5"',
            "keep_entries must be a whole number from 0 on, not '5'   ({file}: keep_entries)",
        ),
        (NEEDED, {}, "join = [1]", "not [1]   ({file}: join)"),
        (
            NEEDED,
            {"TFRAFT_ELECTION_TIMEOUT_S": "soon"},
            "",
            "must be seconds above 0 and up to 86400, not 'soon'   (TFRAFT_ELECTION_TIMEOUT_S)",
        ),
        ({**NEEDED, "election_timeout_s": "nan"}, {}, "", "not 'nan'   (--election-timeout-s)"),
        (
            {**NEEDED, "clock_drift_bound": "0.5"},
            {},
            "",
            "clock_drift_bound must be a factor from 1 to 10, not '0.5'   (--clock-drift-bound)",
        ),
        (
            {**NEEDED, "max_sessions": "0"},
            {},
            "",
            "max_sessions must be a whole number above 0, not '0'   (--max-sessions)",
        ),
        (
            {**NEEDED, "lease_reads": "perhaps"},
            {},
            "",
            "lease_reads must be true or false, not 'perhaps'   (--lease-reads)",
        ),
        ({**NEEDED, "log_format": "xml"}, {}, "", "log_format must be auto, human or json, not 'xml'   (--log-format)"),
        ({**NEEDED, "data_dir": ""}, {}, "", "data_dir must be a directory, not ''   (--data-dir)"),
        ({**NEEDED, "id": "x" * 300}, {}, "", "first of them no -, not 'xxx"),
        ({**NEEDED, "listen": "127.0.0.1:0"}, {}, "", "listen must be host:port with a port from 1 to 65535"),
        ({**NEEDED, "join": "a:1,,b:2"}, {}, "", "or several with commas, not 'a:1,,b:2'   (--join)"),
        (
            {**NEEDED, "heartbeat_interval_s": "0.4"},
            {},
            "",
            "must be above 0 and at most half of election_timeout_s (0.5), not 0.4",
        ),
        (
            {**NEEDED, "bootstrap": True, "join": "a:1"},
            {},
            "",
            "bootstrap founds a new cluster, join enters one that is there: give one of the two",
        ),
        ({**NEEDED, "join": "127.0.0.1:7001"}, {}, "", "join names 127.0.0.1:7001, which is this server itself"),
        ({**NEEDED, "advertise": "me:1", "join": "a:1,me:1"}, {}, "", "join names me:1, which is this server itself"),
        (
            {**NEEDED, "listen": "0.0.0.0:7001", "insecure": True},
            {},
            "",
            "0.0.0.0:7001 is every address of this machine, and others need one",
        ),
        ({**NEEDED, "listen": "[::]:7001", "insecure": True}, {}, "", "advertise one   (--advertise HOST:PORT)"),
        ({**NEEDED, "advertise": "[::]:1"}, {}, "", "[::]:1 is every address of this machine"),
        ({**NEEDED, "listen": "10.0.0.1:7001"}, {}, "", "say that you trust that network   (--insecure)"),
        (
            {**NEEDED, "resp_listen": "10.0.0.1:7379"},
            {},
            "",
            "resp_listen = 10.0.0.1:7379 is open to other machines, and whoever reaches the port may do anything",
        ),
        (
            {**NEEDED, "resp_listen": "127.0.0.1:7001"},
            {},
            "",
            "listen and resp_listen are both 127.0.0.1:7001: give each a port of its own",
        ),
        ({**NEEDED, "resp_listen": "127.0.0.1:0"}, {}, "", "resp_listen must be host:port with a port from 1 to 65535"),
        ({**NEEDED, "resp_listen": "7379"}, {}, "", ", or off, not '7379'   (--resp-listen)"),
        (NEEDED, {"TFRAFT_RESP_LISTEN": ""}, "", ", or off, not ''   (TFRAFT_RESP_LISTEN)"),
        (NEEDED, {}, "resp_listen = 7379", ", or off, not 7379   ({file}: resp_listen)"),
        (
            {**NEEDED, "listen": "0.0.0.0:7001", "advertise": "a:1"},
            {},
            "",
            "say that you trust that network   (--insecure)",
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_source_what_was_expected_and_what_was_seen(
    options: dict[str, object], environ: dict[str, str], file: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(file)
    with pytest.raises(SettingError) as error:
        read_settings(options, environ, config=str(path))
    assert told.replace("{file}", str(path)) in str(error.value)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("name", ["N1", "-a", "a_b", "a.b", "..", "a/b", "n1\n", "é", "a" * 64, ""])
def test_an_id_that_could_not_be_the_name_of_a_file_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="id must be 1 to 63 characters of a-z, 0-9 and -"):
        read_settings({**NEEDED, "id": name}, {})


@pytest.mark.parametrize("name", ["n1", "0", "a" * 63, "eu-west-1"])
def test_other_ids_are_taken(name: str) -> None:
    assert read_settings({**NEEDED, "id": name}, {}).id == name


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SettingError, match=f"{path} cannot be read: {why}"):
            read_settings(NEEDED, {}, config=str(path))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"#" * (MAX_FILE_BYTES + 1), "it has more than"),
        (b"\xff", "is no TOML"),
        (b"a = " + b"[" * 100_000, "is no TOML"),
    ],
)
def test_a_file_that_is_no_file_of_settings_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=why):
        read_settings(NEEDED, {}, config=str(path))


def test_variables_of_other_commands_are_left_alone() -> None:
    assert read_settings(NEEDED, {"TFRAFT_NODES": "3"}, other_variables=["TFRAFT_NODES"]).id == "n1"


@pytest.mark.parametrize(
    ("written", "where"),
    [(None, "127.0.0.1:0"), ("off", ""), ("[::1]:7379", "[::1]:7379"), ("localhost:1", "localhost:1")],
)
def test_redis_clients_reach_it_where_it_is_told_or_nowhere_or_else_at_a_free_port(
    written: str | None, where: str
) -> None:
    assert read_settings({**NEEDED, "resp_listen": written}, {}).redis == where


def test_beyond_this_machine_it_listens_only_when_told_so_aloud() -> None:
    settings = read_settings({**NEEDED, "listen": "0.0.0.0:7001", "advertise": "10.0.0.1:80", "insecure": True}, {})
    assert settings.address == "10.0.0.1:80"
    assert read_settings({**NEEDED, "listen": "localhost:7001"}, {}).address == "localhost:7001"


def test_a_default_is_shown_as_it_would_be_written() -> None:
    assert {key: SETTINGS[key].default_text for key in ("id", "join", "advertise", "bootstrap", "log_format")} == {
        "id": "",
        "join": "",
        "advertise": "",
        "bootstrap": "false",
        "log_format": "auto",
    }
    shown: Setting = SETTINGS["election_timeout_s"]
    assert (shown.default_text, shown.option, shown.variable) == (
        "0.5",
        "--election-timeout-s",
        "TFRAFT_ELECTION_TIMEOUT_S",
    )


def test_addresses_are_taken_apart() -> None:
    assert (host_of("[::1]:80"), port_of("[::1]:80"), host_of("a.b:1")) == ("::1", 80, "a.b")
    assert addresses_in("a:1, b:2,a:1") == ("a:1", "b:2")
    with pytest.raises(SettingError, match="'b' is no address: host:port"):
        addresses_in("a:1,b")
    assert [is_loopback(host) for host in ("127.9.9.9", "::1", "localhost", "10.0.0.1", "example", "0.0.0.0")] == [
        *[True] * 3,
        *[False] * 3,
    ]
    assert [is_everywhere(host) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost")] == [True, True, False, False]
