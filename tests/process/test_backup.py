"""Backup, restore and recovery of servers that run by themselves, as processes, by the commands that people type."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.process.servers import Site, eventually
from tests.process.test_serve import founded

pytestmark = pytest.mark.process


def tf_raft(site: Site, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a command that finds by itself whatever it needs."""
    command = [sys.executable, "-m", "tfraft", *args]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=site.environ, timeout=DEADLINE_S
    )


class Writer:
    """Writes k1, k2, … to the cluster from a process of its own, until it is closed."""

    def __init__(self, site: Site, at: str) -> None:
        self.acknowledged = 0
        command = [sys.executable, "-m", "tfraft", "prompt", "--connect", site.address(at)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=site.environ
        )
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with stdin, stdout:
            while not self._closing.is_set():
                number = self.acknowledged + 1
                stdin.write(b"SET k%d %d\n" % (number, number))
                stdin.flush()
                if stdout.readline() != b"OK\n":
                    return
                self.acknowledged = number

    def close(self) -> int:
        """Write no more; how many were acknowledged."""
        self._closing.set()
        self._thread.join(DEADLINE_S)
        self._process.kill()
        self._process.wait()
        return self.acknowledged


def values(site: Site, at: str, count: int) -> list[str]:
    """What the keys k1 to k`count` hold."""
    script = "".join(f"GET k{number}\n" for number in range(1, count + 1))
    return site.tf_raft("prompt", at=at, script=script).stdout.splitlines()


def test_a_backup_under_writes_has_all_that_was_acknowledged_before_it_began(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founded(site, "n2", "n3")
        writer = Writer(site, "n1")
        try:
            eventually(lambda: writer.acknowledged >= 50, "50 writes")
            before = writer.acknowledged
            done = site.tf_raft("backup", str(tmp_path / "monday"), "--json", at="n2")
            assert (done.returncode, done.stderr) == (0, "")
            after = writer.acknowledged
            eventually(lambda: writer.acknowledged > after, "the writes to go on")
        finally:
            total = writer.close()
        done = restore(site, "m1")
        assert (done.returncode, done.stderr) == (0, "")
        site.serve("m1")
        eventually(lambda: site.leader("m1") == "m1", "m1 to lead")
        found = [value for value in values(site, "m1", total) if value != "(nil)"]
        # Perhaps some that came meanwhile, too, but none without those before it.
        assert found == [str(number) for number in range(1, len(found) + 1)]
        assert before <= len(found) <= total

        site.join("m2", "m1")
        eventually(lambda: site.voters("m1") == ["m1", "m2"], "m2 to vote")
        assert values(site, "m2", before) == [str(number) for number in range(1, before + 1)]


def restore(site: Site, server_id: str) -> subprocess.CompletedProcess[str]:
    """Restore the backup to the directory of this server."""
    where = ("--data-dir", str(site.data(server_id)), "--advertise", site.address(server_id))
    return tf_raft(site, "restore", str(site.path / "monday"), "--id", server_id, *where)


def test_servers_of_the_old_cluster_are_strangers_to_one_that_is_restored_under_an_old_name(tmp_path: Path) -> None:
    """PITFALLS 42: name and address are those that the old leader still calls."""
    with Site(tmp_path) as site:
        founded(site, "n2", "n3")
        assert site.tf_raft("prompt", at="n1", script="SET a old\n").stdout == "OK\n"
        assert site.tf_raft("backup", str(tmp_path / "monday"), at="n1").returncode == 0
        assert site.servers[2].end() == 0
        shutil.move(site.data("n3"), tmp_path / "before")
        assert restore(site, "n3").returncode == 0
        site.serve("n3")
        eventually(lambda: site.leader("n3") == "n3", "n3 to lead")
        leader = next(server for server in site.servers if server.server_id == site.leader("n1"))
        eventually(lambda: leader.says("is a server of cluster"), "the old leader to be refused")
        assert site.tf_raft("prompt", at="n3", script="SET a new\n").stdout == "OK\n"
        assert site.tf_raft("prompt", at=leader.server_id, script="SET b old\n").stdout == "OK\n"
        assert site.voters("n3") == ["n3"]
        assert site.tf_raft("prompt", at="n3", script="GET a\nGET b\n").stdout == "new\n(nil)\n"


def test_one_server_that_is_left_becomes_a_cluster_and_those_that_come_back_are_strangers(tmp_path: Path) -> None:
    """PITFALLS 42, for a quorum that was taken for lost."""
    with Site(tmp_path) as site:
        founded(site, "n2", "n3")
        assert site.tf_raft("prompt", at="n1", script="SET a 1\nSET b 2\n").stdout == "OK\nOK\n"
        eventually(lambda: len({row["applied"] for row in site.status("n1").values()}) == 1, "all to have all of it")
        recover = ("recover", "--force-new-cluster", "--id", "n1", "--data-dir", str(site.data("n1")))
        done = tf_raft(site, *recover, "--yes")
        assert (done.returncode, "is in use by process" in done.stderr) == (7, True)
        for server in site.servers:
            assert server.end(signal.SIGKILL) == -9

        done = tf_raft(site, *recover)
        assert (done.returncode, "add --yes" in done.stderr) == (2, True)
        done = tf_raft(site, *recover, "--yes", "--json")
        assert done.returncode == 0
        assert "is LOST" in done.stderr
        assert json.loads(done.stdout)["value"]["left"] == ["n2", "n3"]
        site.serve("n1")
        eventually(lambda: site.leader("n1") == "n1", "n1 to lead")
        assert site.tf_raft("prompt", at="n1", script="GET a\nGET b\nSET a 9\n").stdout == "1\n2\nOK\n"

        back = [site.serve("n2"), site.serve("n3")]
        eventually(lambda: any(one.says("is a server of cluster") for one in back), "those that are back to be refused")
        eventually(lambda: site.leader("n2"), "them to be a cluster of their own")
        assert site.tf_raft("prompt", at="n2", script="GET a\n").stdout == "1\n"
        assert site.voters("n1") == ["n1"]


def test_the_log_of_a_server_is_looked_into_while_it_does_not_run_and_damage_is_exit_code_7(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founded(site)
        assert site.tf_raft("prompt", at="n1", script='SET greeting "hello world"\n').stdout == "OK\n"
        data = str(site.data("n1"))
        done = tf_raft(site, "log", "verify", "--data-dir", data)
        assert (done.returncode, "is in use by process" in done.stderr) == (7, True)
        assert site.servers[0].end() == 0

        done = tf_raft(site, "log", "verify", "--data-dir", data)
        assert (done.returncode, done.stdout.startswith("n1  whole: 1 segments")) == (0, True)
        done = tf_raft(site, "log", "show", "--data-dir", data)
        assert 'SET greeting "hello world"' in done.stdout.splitlines()[-1]

        segment = site.data("n1") / "n1" / "0000000001.wal"
        with segment.open("r+b") as file:
            file.seek(segment.read_bytes().index(b"greeting"))
            file.write(b"G")
        done = tf_raft(site, "log", "verify", "--data-dir", data, "--json")
        found = json.loads(done.stdout)
        assert (done.returncode, found["ok"]) == (7, False)
        assert found["value"]["n1"]["first_damage"]["segment"] == "0000000001.wal"
