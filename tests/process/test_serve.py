"""`tf-raft serve`: servers by themselves found a cluster, join it, leave it, and end as they should."""

import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.process.servers import Site, eventually
from tfraft.clusters.ports import HOST
from tfraft.clusters.server_home import SERVER_FILE, decode

pytestmark = pytest.mark.process


def founded(site: Site, *others: str) -> None:
    """A cluster in which n1 and these vote, whoever else does."""
    site.serve("n1", "--bootstrap")
    for name in others:
        site.join(name, "n1")
    eventually(lambda: {"n1", *others} <= set(site.voters("n1")), "all to vote")


def test_three_servers_become_a_cluster_that_is_used_from_anywhere_and_survives_the_end_of_its_leader(
    tmp_path: Path,
) -> None:
    with Site(tmp_path) as site:
        early = site.join("n3", "n2", "n1")
        eventually(lambda: early.says("n3 has not joined yet: no server answers at"), "n3 to say that it waits")
        founded(site, "n2")
        eventually(lambda: site.voters("n2") == ["n1", "n2", "n3"], "n3 to vote")
        assert early.says("n3 is a learner now")

        done = site.tf_raft("prompt", at="n3", script="SET a 1\nGET a\nKILL n1\n")
        assert done.stdout == "OK\n1\n"
        assert done.stderr.startswith("error line 3: this cluster runs by itself")
        assert done.returncode == 4

        leader = site.leader("n2")
        left = next(name for name in ("n1", "n2", "n3") if name != leader)
        process = next(server for server in site.servers if server.server_id == leader)
        assert process.end() == 0
        assert process.last_words.startswith(f"{leader} stopped in good order")
        done = site.tf_raft("prompt", at=left, script="SET b 2\nGET a\n")
        assert (done.stdout, done.stderr, done.returncode) == ("OK\n1\n", "", 0)
        assert site.tf_raft("status", at=leader).returncode == 3

        again = site.serve(leader, "--bootstrap")
        eventually(lambda: again.says(f"{leader} follows"), "the old leader to follow the new one")
        assert again.says("bootstrap is ignored")
        eventually(lambda: site.status(left)[leader]["health"].startswith("ok"), "the old leader to catch up")
        assert site.tf_raft("log", leader, at=left).returncode == 0


def test_a_removed_server_ends_by_itself_and_never_comes_back_under_its_id(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founded(site, "n2")
        leaving = site.servers[1]
        done = site.tf_raft("remove", "n2", "--json", at="n1")
        assert (json.loads(done.stdout)["ok"], done.returncode) == (True, 0)
        assert leaving.exit_code() == 0
        assert leaving.last_words == "n2 was removed from its cluster, and ends: its data are of no use any more"

        again = site.serve("n2")
        assert again.exit_code() == 7
        assert again.last_words.startswith("n2 was removed from its cluster, and its id is never given again")

        shutil.rmtree(site.data("n2"))
        wiped = site.join("n2", "n1")
        assert wiped.exit_code() == 2
        assert "its id is never given again" in wiped.last_words


def test_a_member_that_has_lost_its_data_is_refused(tmp_path: Path) -> None:
    """It could vote twice in a term: pitfall 27."""
    with Site(tmp_path) as site:
        founded(site, "n2")
        assert site.servers[1].end(signal.SIGKILL) == -9
        shutil.rmtree(site.data("n2") / "n2")
        lost = site.serve("n2")
        assert lost.exit_code() == 7
        assert lost.last_words.startswith("the state of n2 is lost")


def test_a_server_without_data_does_not_take_the_name_of_a_member(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founded(site, "n2", "n3")
        assert site.servers[2].end() == 0
        shutil.rmtree(site.data("n3"))
        wiped = site.join("n3", "n2", "n1")
        assert wiped.exit_code() == 2
        told = "n3 is a member already; if its data are lost, remove n3 and join under a new id"
        assert wiped.last_words == told
        assert list(site.data("n3").iterdir()) == [site.data("n3") / "LOCK"]


def test_a_join_that_was_interrupted_goes_on_without_being_asked_to(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founded(site)
        cluster_id = decode((site.data("n1") / SERVER_FILE).read_bytes(), "").cluster_id
        site.data("n2").mkdir()
        (site.data("n2") / SERVER_FILE).write_text(
            f'format = 1\ncluster_id = "{cluster_id}"\nserver_id = "n2"\njoin = ["{site.address("n1")}"]\n'
            "started = false\nremoved = false\n"
        )
        site.serve("n2")
        eventually(lambda: site.voters("n1") == ["n1", "n2"], "n2 to vote")
        eventually(
            lambda: decode((site.data("n2") / SERVER_FILE).read_bytes(), "").join == (), "n2 to note that it has joined"
        )


def test_without_data_somebody_must_say_whether_to_found_or_to_join(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        server = site.serve("n1")
        assert server.exit_code() == 2
        assert "found a new cluster of this one server with --bootstrap, or enter one" in server.last_words


def test_two_servers_do_not_share_a_data_directory(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founded(site)
        second = site.serve("n1", "--bootstrap")
        assert second.exit_code() == 7
        assert f"is in use by process {site.servers[0].process.pid}" in second.last_words


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with Site(tmp_path) as site, socket.socket() as stranger:
        stranger.bind((HOST, 0))
        stranger.listen()
        address = f"{HOST}:{stranger.getsockname()[1]}"
        server = site.serve("n1", "--bootstrap", "--listen", address)
        assert server.exit_code() == 2
        assert server.last_words == f"cannot listen on {address}: Address already in use"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_server_that_still_looks_for_its_cluster(number: int, tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        server = site.join("n2", "n1")
        eventually(lambda: server.says("n2 has not joined yet"), "n2 to look")
        assert server.end(number) == 0
        assert not (site.data("n2") / SERVER_FILE).exists()


def test_a_disk_that_fails_ends_the_server_with_a_clear_last_line(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        # Its log goes to a pipe: the limit below is one for files, which the coverage of the process would be, too.
        environ = {name: value for name, value in site.environ.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, "-m", "tfraft", "serve", "--id", "n1", "--data-dir", str(site.data("n1"))]
        with subprocess.Popen(
            [*command, "--listen", site.address("n1"), "--bootstrap"],
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        ) as process:
            try:
                eventually(lambda: site.leader("n1") == "n1", "n1 to lead")
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
                done = site.tf_raft("prompt", "--timeout", "2", at="n1", script="SET a 1\n")
                assert done.returncode == 4
                _, log = process.communicate(timeout=DEADLINE_S)
            finally:
                process.kill()
        last = json.loads(log.splitlines()[-1])
        assert (last["level"], process.returncode) == ("ERROR", 1)
        assert "could not be saved" in last["msg"]
        assert "File too large" in last["msg"]
        assert "Traceback" not in log


def test_a_server_is_served_by_a_file_of_settings_and_by_the_environment(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        config = tmp_path / "n1.toml"
        config.write_text(
            f'id = "n1"\ndata_dir = "{site.data("n1")}"\nlisten = "{site.address("n1")}"\nlog_format = "human"\n'
        )
        site.environ["TFRAFT_BOOTSTRAP"] = "true"
        command = [sys.executable, "-m", "tfraft", "serve", "--config", str(config)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=site.environ) as process:
            try:
                eventually(lambda: site.leader("n1") == "n1", "n1 to lead")
                process.terminate()
                _, log = process.communicate(timeout=DEADLINE_S)
            finally:
                process.kill()
        assert process.returncode == 0
        assert " INFO    n1 leader of term 1 (votes n1)" in log


def test_a_server_that_comes_back_at_another_address_says_what_to_do(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founded(site)
        assert site.servers[0].end() == 0
        known, new = site.address("n1"), site.address("another")
        moved = site.serve("n1", "--advertise", new)
        eventually(lambda: moved.says(f"the cluster reaches n1 at {known}, not at {new}: UPDATE n1 {new}"), "a warning")


def test_a_server_that_was_removed_while_it_was_away_learns_it_when_it_comes_back(tmp_path: Path) -> None:
    """§4.2.2: the leader does not call it any more, so it has to ask."""
    with Site(tmp_path) as site:
        founded(site, "n2", "n3")
        assert site.servers[2].end() == 0
        eventually(lambda: site.tf_raft("remove", "n3", at="n2").returncode == 0, "n3 to be removed")
        eventually(lambda: "n3" not in site.followed_by(site.leader("n2")), "the leader to let go of n3")
        again = site.serve("n3")
        assert again.exit_code() == 0
        assert again.says("says that n3 was removed")
        assert site.serve("n3").exit_code() == 7
