"""cluster.toml as bytes: it comes back as it was, and damage is named by its place."""

import pytest

from tfraft.clusters.cluster_file import ClusterFile, ClusterKind, NodeRecord, StateKind, decode
from tfraft.errors import CorruptState, ForeignData

CLUSTER = ClusterFile(
    "5a0c",
    ClusterKind.RPC,
    StateKind.JSON,
    (NodeRecord("n1", "127.0.0.1:50051"), NodeRecord("n2", "[::1]:50061", started=True)),
)


def test_the_file_is_short_and_readable() -> None:
    assert CLUSTER.encode().decode() == (
        'format = 1\ncluster_id = "5a0c"\nkind = "rpc"\nstate = "json"\n'
        '\n[[nodes]]\nid = "n1"\naddress = "127.0.0.1:50051"\nstarted = false\n'
        '\n[[nodes]]\nid = "n2"\naddress = "[::1]:50061"\nstarted = true\n'
    )


def test_any_cluster_file_comes_back_as_it_was() -> None:
    for kind in ClusterKind:
        for state in StateKind:
            odd = NodeRecord("NODE:1_a.b-c", 'host "x" \\ ñ:1', started=True)
            for nodes in ((), (odd,), (*CLUSTER.nodes, odd)):
                cluster = ClusterFile("a" * 32, kind, state, nodes)
                assert decode(cluster.encode(), "cluster.toml") == cluster


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('kind = "rpc"', 'kind = "rpc', "line 3, column"),
        ('kind = "rpc"', 'kind = "udp"', r"'udp' - at `\$\.kind`"),
        ('state = "json"', 'state = "jsom"', r"'jsom' - at `\$\.state`"),
        ('kind = "rpc"\n', "", "missing required field `kind`"),
        ("format = 1", "format = 0", r"at `\$\.format`"),
        ("format = 1", 'format = "1"', r"at `\$\.format`"),
        ("format = 1\n", "", "missing required field `format`"),
        ('cluster_id = "5a0c"', 'cluster_id = ""', r"at `\$\.cluster_id`"),
        ('id = "n2"', 'id = "../n2"', r"at `\$\.nodes\[1\]\.id`"),
        ('id = "n2"', 'id = "n2\\n"', r"at `\$\.nodes\[1\]\.id`"),
        ('id = "n2"', 'id = "n1"', "it names n1 twice"),
        ("started = false", "started = 0", r"at `\$\.nodes\[0\]\.started`"),
        ("started = false", "startet = false", "startet"),
        ("format = 1", "format = 1\ncolour = 2", "colour"),
        ('"5a0c"', '"5a\x000c"', "line 2, column"),
    ],
)
def test_a_damaged_cluster_file_names_the_file_and_the_place(old: str, new: str, place: str) -> None:
    text = CLUSTER.encode().decode()
    assert old in text
    with pytest.raises(
        CorruptState, match=rf"^demo/cluster\.toml is damaged: .*{place}.* Nothing was changed"
    ) as refusal:
        decode(text.replace(old, new).encode(), "demo/cluster.toml")
    assert "\n" not in str(refusal.value)


def test_a_cluster_file_that_is_no_text_is_damaged() -> None:
    with pytest.raises(CorruptState, match=r"cluster\.toml is damaged: .*utf-8.* position 0"):
        decode(b"\xff\xfe", "cluster.toml")


def test_a_newer_format_is_foreign_whatever_else_it_says() -> None:
    with pytest.raises(
        ForeignData, match=r"cluster\.toml is of format 2, from a newer tf-raft; this one reads format 1"
    ):
        decode(b"format = 2\nnew = [1]\n", "cluster.toml")
