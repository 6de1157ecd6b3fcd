"""The parts of a ready-made cluster, each by itself: faults, leadership, ports, peers, and what is public."""

import ast
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tfraft
from tests.clusters.lab import run
from tfraft.adapters.network.links import LinkFaults
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.faults import NetworkFaults
from tfraft.clusters.leadership import Leadership
from tfraft.clusters.memory import MemoryCluster
from tfraft.clusters.open import open_cluster
from tfraft.clusters.peers import peer_factory
from tfraft.clusters.ports import HOST, LAST_PORT, Ports, user_of
from tfraft.clusters.processes import GrpcCluster, ProcessCluster, TcpCluster
from tfraft.clusters.spec import FirstWord, NodeSpec
from tfraft.clusters.states import STORE_CODEC, state_file
from tfraft.errors import CorruptState, SettingError
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind
from tfraft.store import codec
from tfraft.store.envelope import Command

ALL = ("a", "b", "c", "d")

# --- Faults ---


def test_a_partition_cuts_the_links_between_its_groups_and_the_rest_is_one_more_group() -> None:
    faults = NetworkFaults()
    faults.partition([["a"], ["b"]])
    assert faults.links_of("a", ALL).blocked == ("b", "c", "d")
    assert faults.links_of("b", ALL).blocked == ("a", "c", "d")
    assert faults.links_of("c", ALL).blocked == ("a", "b")
    assert faults.cut() == "a | b"


def test_a_later_partition_takes_the_place_of_an_earlier_one() -> None:
    faults = NetworkFaults()
    faults.partition([["a"], ["b"]])
    faults.partition([["c", "d"]])
    assert faults.links_of("a", ALL).blocked == ("c", "d")


def test_a_slow_node_delays_what_it_sends_and_what_is_sent_to_it() -> None:
    faults = NetworkFaults()
    faults.slow("a", 0.25)
    faults.slow("b", 0.125)
    assert faults.links_of("a", ALL) == LinkFaults((), {"a": 0.5, "b": 0.375}, 0.25)
    assert faults.links_of("c", ALL) == LinkFaults((), {"a": 0.25, "b": 0.125}, 0.0)


def test_a_network_that_is_healed_has_no_faults_and_neither_has_a_node_that_came_after_one_that_is_gone() -> None:
    faults = NetworkFaults()
    faults.partition([["a"]])
    faults.slow("a", 0.2)
    faults.forget("a")
    assert faults.links_of("b", ALL) == LinkFaults()
    faults.partition([["b"]])
    faults.slow("b", 0.2)
    faults.heal()
    assert faults.links_of("b", ALL) == LinkFaults()
    assert faults.cut() == ""


# --- Leadership ---


def event(server_id: str, kind: EventKind, term: int) -> Event:
    return Event(0.0, server_id, kind, term, "")


def test_the_leader_is_that_of_the_latest_term_in_whatever_order_the_events_come() -> None:
    leadership = Leadership()
    assert leadership.leader is None
    leadership.observe(event("b", EventKind.LEADER, 2))
    leadership.observe(event("a", EventKind.LEADER, 1))
    leadership.observe(event("a", EventKind.FOLLOWER, 2))
    assert leadership.leader == ("b", 2)


@pytest.mark.parametrize("kind", [EventKind.FOLLOWER, EventKind.STOPPED, EventKind.STORAGE_FAILED])
def test_a_leader_that_steps_down_or_stops_leads_no_more(kind: EventKind) -> None:
    leadership = Leadership()
    leadership.observe(event("a", EventKind.LEADER, 1))
    leadership.observe(event("a", kind, 1))
    assert leadership.leader is None


def test_what_is_told_of_an_earlier_term_does_not_end_a_leadership() -> None:
    leadership = Leadership()
    leadership.observe(event("a", EventKind.LEADER, 3))
    leadership.observe(event("a", EventKind.FOLLOWER, 2))
    assert leadership.leader == ("a", 3)


# --- Ports ---


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def ports() -> Iterator[Ports]:
    """Ports that are released after the test."""
    ports = Ports()
    yield ports
    ports.release_all()


def test_a_port_that_is_wanted_and_free_is_held(ports: Ports) -> None:
    port = free_port()
    assert ports.assign({"a": port}) == ({"a": port}, [])
    assert ports.assign({"b": port})[0]["b"] > port


def test_our_own_node_can_listen_on_a_port_that_is_held(ports: Ports) -> None:
    held = ports.assign({"a": free_port()})[0]["a"]
    with socket.socket() as node:
        node.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        node.bind((HOST, held))
        node.listen()


def test_for_a_port_in_use_the_next_free_one_above_all_is_taken_and_the_user_told_by_whom(ports: Ports) -> None:
    with socket.socket() as stranger:
        stranger.bind((HOST, 0))
        stranger.listen()
        taken = int(stranger.getsockname()[1])
        assigned, remarks = ports.assign({"a": taken, "b": taken + 1})
        assert assigned["a"] > taken + 1
        assert remarks[0].startswith(f"port {taken} is in use by pid ")
        assert remarks[0].endswith(f"→ using {assigned['a']} for a")
        assert user_of(taken).startswith("pid ")
    assert user_of(taken) == ""


def test_a_port_that_is_released_is_free_again(ports: Ports) -> None:
    port = ports.assign({"a": free_port()})[0]["a"]
    ports.release("a")
    assert ports.assign({"b": port})[0] == {"b": port}


def test_where_no_port_is_left_that_is_an_error(ports: Ports) -> None:
    ports.assign({"a": LAST_PORT})
    with pytest.raises(SettingError, match="no port is free"):
        ports.assign({"b": LAST_PORT})


# --- Peers ---


@pytest.mark.parametrize("protocol", ["memory", "MEMORY"])
def test_the_factory_makes_peers_in_a_network_in_memory(protocol: str) -> None:
    network = MemoryNetwork()
    network.add("a", MemoryServer())
    assert peer_factory(protocol, network)("a", "") is not None


@pytest.mark.parametrize("protocol", ["rpc", "TCP"])
def test_the_factory_makes_peers_that_reach_other_processes(protocol: str) -> None:
    async def main() -> None:
        await peer_factory(protocol)("a", "127.0.0.1:1").close()

    run(main())


@pytest.mark.parametrize(
    ("protocol", "network", "fault"),
    [
        ("quantum", None, '"quantum" is not a network. Choose memory, TCP or RPC'),
        ("memory", None, "need to know their network"),
        ("RPC", MemoryNetwork(), "the peers of RPC find each other by address"),
        ("tcp", MemoryNetwork(), "no network to be in"),
    ],
)
def test_a_factory_that_could_not_work_is_refused(protocol: str, network: MemoryNetwork | None, fault: str) -> None:
    with pytest.raises(SettingError, match=fault):
        peer_factory(protocol, network)


# --- The kind that is known only at run time ---


def test_the_kind_is_that_of_the_settings_or_of_the_data_or_memory(tmp_path: Path) -> None:
    assert isinstance(open_cluster(), MemoryCluster)
    assert isinstance(open_cluster("TCP", 5), TcpCluster)
    assert isinstance(open_cluster("Rpc", 5), GrpcCluster)
    assert isinstance(open_cluster(data=tmp_path / "new"), MemoryCluster)
    (tmp_path / "cluster.toml").write_text('format = 1\ncluster_id = "c"\nkind = "rpc"\nstate = "json"\n')
    assert isinstance(open_cluster(data=tmp_path), GrpcCluster)
    assert isinstance(open_cluster(data=tmp_path, fresh=True), MemoryCluster)


def test_a_kind_that_is_none_and_data_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match='"quantum" is not a network'):
        open_cluster("quantum")
    (tmp_path / "cluster.toml").write_text("nonsense")
    with pytest.raises(CorruptState, match=r"cluster\.toml is damaged"):
        open_cluster(data=tmp_path)


# --- What goes between a cluster and the process of a node ---


def test_a_spec_and_a_first_word_come_back_as_they_were() -> None:
    spec = NodeSpec(
        server_id="n1",
        address="127.0.0.1:50051",
        parent=1,
        directory="/data “here”",
        cluster_id="c",
        state=StateKind.JSON,
        config=tfraft.RaftConfig(election_timeout_s=0.7),
        settings=NodeSettings(snapshot_log_entries=7),
        founders={"n1": "127.0.0.1:50051"},
        book={},
        faults=LinkFaults(("n2",), {"n3": 0.1}, 0.2),
    )
    assert NodeSpec.decode(spec.encode()) == spec
    word = FirstWord("CorruptState", "line 1\nline 2")
    assert FirstWord.decode(word.encode()) == word
    assert word.encode().count(b"\n") == 1


def test_commands_of_the_store_look_like_what_was_typed() -> None:
    command = codec.encode([b"SET", "ключ".encode(), b""])
    plain, in_session = Command(1700, command), Command(1700, command, 7, 2, 1)
    shown = {"time_ms": 1700, "command": ["SET", "ключ", ""]}
    numbers = {"client_id": 7, "sequence_num": 2, "lowest_unanswered": 1}
    assert STORE_CODEC.to_json(plain.encode()) == shown
    assert STORE_CODEC.to_json(in_session.encode()) == {**shown, **numbers}
    for entry in (plain.encode(), in_session.encode()):
        assert STORE_CODEC.from_json(STORE_CODEC.to_json(entry)) == entry


@pytest.mark.parametrize(("kind", "where"), [("json", "n1.json"), ("wal", "n1/metadata.json"), ("memory", "n1.json")])
def test_the_state_of_a_server_that_has_run_is_known_by_one_file(tmp_path: Path, kind: str, where: str) -> None:
    assert state_file(StateKind(kind), tmp_path, "n1") == tmp_path / where
    with pytest.raises(SettingError):
        state_file(StateKind(kind), tmp_path, "../n1")


def test_lease_reads_are_allowed_where_they_are_asked_for() -> None:
    """§6.4.1: safety depends on clocks then, so whoever opens the cluster has to want it."""
    for kind in ("memory", "tcp", "rpc"):
        for wanted in (False, True):
            cluster = open_cluster(kind, lease_reads=wanted)
            assert isinstance(cluster, MemoryCluster | ProcessCluster)
            assert cluster._config.lease_reads is wanted
    chosen = open_cluster("memory", config=tfraft.RaftConfig(lease_reads=True))
    assert isinstance(chosen, MemoryCluster)
    assert chosen._config.lease_reads


# --- What is public ---


def test_every_public_name_is_there() -> None:
    for name in tfraft.__all__:
        assert getattr(tfraft, name) is not None
    assert set(tfraft.__all__) <= set(dir(tfraft))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = tfraft.Nonsense  # type: ignore[attr-defined]


def test_what_is_imported_for_type_checkers_is_what_is_public() -> None:
    tree = ast.parse(Path(tfraft.__file__).read_text())
    imported = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfraft")
        for name in node.names
    }
    assert imported | {"__version__"} == set(tfraft.__all__)


def test_importing_the_package_and_a_cluster_in_memory_loads_no_grpc() -> None:
    program = "import tfraft, sys; tfraft.MemoryCluster, tfraft.open_cluster; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
