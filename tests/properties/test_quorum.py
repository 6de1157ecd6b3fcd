"""Property: the arithmetic of quorums, against an oracle that tries all subsets."""

from collections.abc import Mapping, Sequence
from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from tfraft.core.configuration import Configuration

SERVERS = "abcdefg"
clusters = st.sets(st.sampled_from(SERVERS), min_size=1, max_size=7).map(sorted).map("".join)
answering = st.lists(st.sampled_from(SERVERS + "xyz"), max_size=12)
indexes = st.dictionaries(st.sampled_from(SERVERS + "xyz"), st.integers(0, 6))


def subsets(servers: Sequence[str]) -> list[set[str]]:
    """Every set of these servers."""
    return [
        set(members) for members in chain.from_iterable(combinations(servers, size) for size in range(len(servers) + 1))
    ]


def quorums(servers: Sequence[str]) -> list[set[str]]:
    """Every set that has more members in it than outside it."""
    return [members for members in subsets(servers) if len(members) > len(servers) - len(members)]


def agreed_by_trying(servers: str, reached: Mapping[str, float]) -> float:
    """The highest number such that all members of some quorum have reached it."""
    return max(min(reached.get(server, 0) for server in quorum) for quorum in quorums(servers))


@given(servers=clusters, granted=answering)
def test_a_quorum_is_more_than_half_of_the_voters(servers: str, granted: list[str]) -> None:
    """Repeated answers count once, and those of strangers not at all."""
    expected = any(quorum <= set(granted) for quorum in quorums(servers))
    assert Configuration.of(servers).has_quorum(granted) == expected


@given(old=clusters, new=clusters, granted=answering)
def test_a_joint_quorum_is_one_of_the_old_and_one_of_the_new(old: str, new: str, granted: list[str]) -> None:
    """§4.3: agreement requires majorities from both the old and new configurations, each for itself."""
    joint = Configuration.of(old).joint_with(dict.fromkeys(new, ""))
    expected = Configuration.of(old).has_quorum(granted) and Configuration.of(new).has_quorum(granted)
    assert joint.has_quorum(granted) == expected


@given(old=clusters, new=clusters)
def test_a_joint_quorum_meets_every_quorum_of_the_old_and_of_the_new(old: str, new: str) -> None:
    """§4.3: so there is no moment at which the old and the new could decide apart from each other."""
    joint = Configuration.of(old).joint_with(dict.fromkeys(new, ""))
    passing = [members for members in subsets(joint.ids) if joint.has_quorum(members)]
    assert all(one & other for one in passing for other in quorums(old) + quorums(new))


@given(old=clusters, new=clusters, reached=indexes)
def test_a_joint_configuration_agrees_on_what_both_sets_of_voters_have_reached(
    old: str, new: str, reached: dict[str, int]
) -> None:
    """§4.3: log entries are replicated to all servers in both configurations, and a majority of each stores them."""
    joint = Configuration.of(old).joint_with(dict.fromkeys(new, ""))
    assert joint.agreed_index(reached) == min(agreed_by_trying(old, reached), agreed_by_trying(new, reached))


@given(servers=clusters)
def test_a_majority_is_the_size_of_the_smallest_quorum(servers: str) -> None:
    """Even sizes and odd."""
    assert Configuration.of(servers).majority == min(map(len, quorums(servers)))


@given(servers=clusters)
def test_any_two_quorums_share_a_voter(servers: str) -> None:
    """§3.6.3: what all of Raft's safety hangs on."""
    configuration = Configuration.of(servers)
    passing = [members for members in subsets(servers) if configuration.has_quorum(members)]
    assert all(one & other for one in passing for other in passing)


@given(servers=clusters, newcomer=st.sampled_from("xyz"))
def test_quorums_of_neighbouring_configurations_share_a_voter(servers: str, newcomer: str) -> None:
    """§4.1: that is why one server at a time is safe."""
    old, new = Configuration.of(servers), Configuration.of(servers).with_server(newcomer, "")
    all_servers = servers + newcomer
    of_old = [members for members in subsets(all_servers) if old.has_quorum(members)]
    of_new = [members for members in subsets(all_servers) if new.has_quorum(members)]
    assert all(one & other for one in of_old for other in of_new)


@given(servers=clusters, reached=indexes)
def test_the_agreed_index_is_the_highest_that_a_quorum_has_reached(servers: str, reached: dict[str, int]) -> None:
    """§3.6.2: a majority of matchIndex[i] ≥ N; a voter not heard of stands at 0, and strangers do not count."""
    assert Configuration.of(servers).agreed_index(reached) == agreed_by_trying(servers, reached)


@given(
    servers=clusters,
    heard=st.dictionaries(st.sampled_from(SERVERS), st.floats(0, 100, allow_nan=False), min_size=7),
)
def test_the_agreed_moment_is_the_latest_since_which_a_quorum_was_heard(servers: str, heard: dict[str, float]) -> None:
    """§6.2: the same arithmetic, on times."""
    assert Configuration.of(servers).agreed(heard) == agreed_by_trying(servers, heard)
