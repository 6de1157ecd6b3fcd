"""The command line: arguments, their faults, and the exit code of every end."""

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfraft.cli.exits import ExitCode, exit_code_of
from tfraft.cli.main import main
from tfraft.cli.places import history_file
from tfraft.cli.settings import StartSettings
from tfraft.errors import CorruptState, DataLocked, ForeignData, Refused, SettingError, StorageFailed, Unavailable


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A program owns its logging, a test does not."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield
    for handler in set(root.handlers).difference(handlers):
        handler.close()
    root.handlers[:], root.level, logging.raiseExceptions = handlers, level, raises


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["start", "quantum"], '"quantum" is not a network. Choose memory, tcp or rpc.   (tf-raft start memory 3)'),
        (
            ["start", "quantum", "5"],
            '"quantum" is not a network. Choose memory, tcp or rpc.   (tf-raft start memory 5)',
        ),
        (["start", "7"], '"7" is not a network. Choose memory, tcp or rpc.   (tf-raft start memory 7)'),
        (["start", "memory", "2"], "2 nodes cannot lose any. Use 3 or more, or --allow-small to try it anyway."),
        (["start", "RPC", "1"], "1 node cannot be lost. Use 3 or more, or --allow-small to try it anyway."),
        (["start", "memory", "0"], "a cluster of 0 nodes is none. Use 3 or more."),
        (["start", "memory", "0", "--allow-small"], "a cluster of 0 nodes is none. Use 3 or more."),
        (["start", "memory", "16"], "16 nodes are too many. Use 3 to 15."),
        (["start", "memory", "abc"], '"abc" is not a number of nodes. Use 3 to 15.   (tf-raft start memory 3)'),
        (["start", "memory", "3.5"], '"3.5" is not a number of nodes. Use 3 to 15.   (tf-raft start memory 3)'),
        (["start", "memory", "³"], '"³" is not a number of nodes. Use 3 to 15.   (tf-raft start memory 3)'),
        (
            ["start", "me\x1b[2J"],
            r'"me\x1b[2J" is not a network. Choose memory, tcp or rpc.   (tf-raft start memory 3)',
        ),
        (["start", "--state", "disk"], '"disk" is not a state adapter. Choose memory, json or wal.   (--state json)'),
        (["start", "--data", ""], "--data needs a directory   (--data ./demo)"),
        (["start", "--timeout", "0"], "--timeout needs seconds above 0 and up to 3600, not 0"),
        *[
            (
                ["start", "--resp-port", text],
                f'"{text}" is not a port for Redis clients. Use 1 to 65435, or off.   (--resp-port 7379)',
            )
            for text in ("0", "65436", "-1", "x", "", "127.0.0.1:7379", "9" * 5_000, "³")
        ],
        (["start", "--timeout", "nan"], "--timeout needs seconds above 0 and up to 3600, not nan"),
        (["start", "--dta", "x"], "no such option: --dta. Did you mean --data or --state?   (tf-raft start --help)"),
        (["strt"], "no such command 'strt'. Did you mean 'start' or 'status'?   (tf-raft --help)"),
        (["start", "memory", "3", "x"], "got unexpected extra argument(s) (x)   (tf-raft start --help)"),
        (["start", "--data"], "option '--data' requires an argument.   (tf-raft start --help)"),
    ],
)
def test_a_wrong_argument_is_one_line_on_stderr_and_exit_code_2(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == ExitCode.USAGE
    assert capsys.readouterr() == ("", f"error: {told}\n")


@pytest.mark.parametrize(
    ("args", "environ", "settings"),
    [
        ([], {}, StartSettings(None, None)),
        (["memory"], {}, StartSettings("memory", None)),
        (["--resp-port", "OFF"], {}, StartSettings(None, None, redis_port=None)),
        (["--resp-port", "65435"], {}, StartSettings(None, None, redis_port=65435)),
        (["RPC", "5"], {}, StartSettings("rpc", 5)),
        (["Rpc", "15"], {}, StartSettings("rpc", 15)),
        (["MEMORY", "1", "--allow-small"], {}, StartSettings("memory", 1)),
        (
            ["--data", "d", "--state", "JSON", "--fresh", "--json", "--timeout", "2.5", "-y"],
            {},
            StartSettings(None, None, Path("d"), "json", fresh=True, as_json=True, yes=True, timeout_s=2.5),
        ),
        (
            [],
            {
                "TFRAFT_NETWORK": "rpc",
                "TFRAFT_NODES": "2",
                "TFRAFT_ALLOW_SMALL": "1",
                "TFRAFT_DATA": "d",
                "TFRAFT_STATE": "memory",
                "TFRAFT_FRESH": "true",
                "TFRAFT_JSON": "yes",
                "TFRAFT_TIMEOUT": "3",
                "TFRAFT_YES": "1",
                "TFRAFT_RESP_PORT": "8000",
            },
            StartSettings(
                *("rpc", 2, Path("d"), "memory"), fresh=True, as_json=True, yes=True, timeout_s=3.0, redis_port=8000
            ),
        ),
    ],
)
def test_every_setting_comes_from_an_argument_or_the_environment(
    args: list[str], environ: dict[str, str], settings: StartSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[StartSettings] = []

    async def start(settings: StartSettings) -> ExitCode:
        seen.append(settings)
        return ExitCode.COMMAND_FAILED

    monkeypatch.setattr("tfraft.cli.start.start", start)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["start", *args]) == ExitCode.COMMAND_FAILED
    assert seen == [settings]


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SettingError("no"), 2, "error: no\n"),
        (Unavailable("no leader"), 3, "error: no leader\n"),
        (Refused("no"), 3, "error: no\n"),
        (CorruptState("n1.json is damaged\nat 3"), 7, "error: n1.json is damaged\\nat 3\n"),
        (DataLocked("in use"), 7, "error: in use\n"),
        (ForeignData("not ours"), 7, "error: not ours\n"),
        (StorageFailed("disk full"), 1, "error: disk full\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_every_end_has_its_line_and_its_exit_code(
    error: BaseException, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def start(settings: StartSettings) -> ExitCode:
        raise error

    monkeypatch.setattr("tfraft.cli.start.start", start)
    assert main(["start"]) == code
    assert capsys.readouterr() == ("", told)


def test_a_fault_of_ours_is_one_line_and_its_traceback_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state_home: Path
) -> None:
    async def start(settings: StartSettings) -> ExitCode:
        raise RuntimeError("boom")

    monkeypatch.setattr("tfraft.cli.start.start", start)
    log = state_home / "tf-raft" / "tf-raft.log"
    assert main(["start"]) == ExitCode.INTERNAL
    assert capsys.readouterr() == ("", f"error: internal: RuntimeError('boom') (details in {log})\n")
    assert "Traceback" in log.read_text()


def test_a_log_that_cannot_be_written_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert main(["--version"]) == 0
    assert history_file() is None


def test_other_errors_are_internal() -> None:
    assert exit_code_of(ValueError()) is ExitCode.INTERNAL


def test_ctrl_c_is_as_before_when_the_program_has_ended() -> None:
    before = signal.getsignal(signal.SIGINT)
    main(["--version"])
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("args", [[], ["--help"], ["start", "--help"], ["start", "-h"]])
def test_help_shows_examples(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 0
    shown, errors = capsys.readouterr()
    assert "tf-raft start TCP 5" in shown
    assert errors == ""


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tf-raft ")


@pytest.mark.process
def test_help_comes_without_loading_what_only_a_prompt_or_grpc_needs() -> None:
    """The first answer is due in a second and a half; these take a fifth of it each."""
    program = (
        "import sys; from tfraft.cli.main import main; main(['start', 'quantum'])\n"
        "print([name for name in ('prompt_toolkit', 'rich', 'grpc') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
