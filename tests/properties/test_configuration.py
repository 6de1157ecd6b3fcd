"""Property: a configuration survives its encoding, and changes as it says."""

from hypothesis import given
from hypothesis import strategies as st

from tfraft.core.configuration import Configuration

ids = st.text(max_size=6)
voters = st.dictionaries(ids, st.text(max_size=12), max_size=6)
lives = st.dictionaries(ids, st.integers(1, 2**40), max_size=3)


@given(voters=voters, learners=voters, old_voters=voters, removed=st.sets(ids, max_size=4), incarnations=lives)
def test_a_configuration_survives_its_encoding(
    voters: dict[str, str],
    learners: dict[str, str],
    old_voters: dict[str, str],
    removed: set[str],
    incarnations: dict[str, int],
) -> None:
    """Any id, any address: quotes, line feeds, any Unicode; learners, the old voters, who was removed, lost disks."""
    configuration = Configuration.of(voters, learners, old_voters, removed, incarnations)
    assert Configuration.decode(configuration.encode()) == configuration


@given(voters=voters, data=st.data())
def test_equal_configurations_are_equal_bytes(voters: dict[str, str], data: st.DataObject) -> None:
    """In whatever order the servers were named: two servers that append the same change append the same entry."""
    shuffled = data.draw(st.permutations(list(voters.items())))
    assert Configuration.of(dict(shuffled)).encode() == Configuration.of(voters).encode()


@given(voters=voters, server=ids, address=st.text(max_size=12))
def test_with_and_without_a_server_are_those_of_a_mapping(voters: dict[str, str], server: str, address: str) -> None:
    """A dictionary says what is meant."""
    configuration = Configuration.of(voters)
    assert configuration.with_server(server, address) == Configuration.of({**voters, server: address})
    rest = {voter: where for voter, where in voters.items() if voter != server}
    assert configuration.without_server(server) == Configuration.of(rest, removed={server})
    assert (server in configuration) == (server in voters)
    assert configuration.address_of(server) == voters.get(server, "")


@given(old=voters, new=voters, learners=voters, removed=st.sets(ids, max_size=4))
def test_a_joint_configuration_leads_from_one_set_of_voters_to_the_other(
    old: dict[str, str], new: dict[str, str], learners: dict[str, str], removed: set[str]
) -> None:
    """§4.3: while it is joint both vote; afterwards the new ones alone, and whoever has left never comes back."""
    start = Configuration.of(old, {learner: at for learner, at in learners.items() if learner not in old}, (), removed)
    joint = start.joint_with(new)
    assert set(joint.ids) == old.keys() | new.keys()
    assert set(joint.members) == set(start.members) | new.keys()
    end = joint.without_old_voters()
    assert dict(end.voters) == new
    assert set(end.learners) == {place for place in start.learners if place[0] not in new}
    assert set(end.removed) == removed | (old.keys() - new.keys())
    assert not end.is_joint


@given(voters=voters, learners=voters, server=ids, address=st.text(max_size=12))
def test_a_learner_is_a_member_without_a_vote(
    voters: dict[str, str], learners: dict[str, str], server: str, address: str
) -> None:
    """§4.2.1: it becomes a voter, moves and leaves like any other."""
    start = Configuration.of(voters, {learner: at for learner, at in learners.items() if learner not in voters})
    assert start.with_learner(server, address).is_learner(server) == (server not in voters)
    assert not start.with_learner(server, address).with_server(server, address).is_learner(server)
    assert server not in start.without_server(server).members
    for member in start.members:
        moved = start.with_address(member, address)
        assert moved.address_of(member) == address
        assert (moved.ids, moved.members) == (start.ids, start.members)


@given(servers=st.lists(ids, max_size=6))
def test_ids_alone_make_a_configuration_without_addresses(servers: list[str]) -> None:
    """Each once, and sorted."""
    configuration = Configuration.of(servers)
    assert configuration.ids == tuple(sorted(set(servers)))
    assert {address for _, address in configuration.voters} <= {""}


@given(voters=st.dictionaries(ids, st.text(max_size=12), min_size=1, max_size=6), data=st.data())
def test_who_has_lost_its_disk_loses_its_vote_and_has_it_back_in_another_incarnation(
    voters: dict[str, str], data: st.DataObject
) -> None:
    """§3.8: one incarnation of a server speaks for it, or none; who leaves the cluster leaves nothing behind."""
    server, life = data.draw(st.sampled_from(sorted(voters))), data.draw(st.integers(1, 9))
    start = Configuration.of(voters)
    assert start.speaks(server, 0)
    lost = start.without_vote(server, life)
    assert (lost.awaits_vote(server), lost.address_of(server)) == (True, voters[server])
    assert not any(lost.speaks(server, number) for number in range(10))
    anew = lost.with_server(server, voters[server])
    assert [number for number in range(10) if anew.speaks(server, number)] == [life]
    assert not anew.awaits_vote(server)
    assert anew.voters == start.voters
    assert anew.without_server(server).incarnations == ()
    assert anew.joint_with({"new": ""}).without_old_voters().incarnation_of(server) == (life if server == "new" else 0)
    assert Configuration.of([], [server]).awaits_vote(server) is False
