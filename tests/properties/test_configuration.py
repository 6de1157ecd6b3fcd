"""Property: a configuration survives its encoding, and changes by one server at a time."""

from hypothesis import given
from hypothesis import strategies as st

from tfraft.core.configuration import Configuration

ids = st.text(max_size=6)
voters = st.dictionaries(ids, st.text(max_size=12), max_size=6)


@given(voters=voters)
def test_a_configuration_survives_its_encoding(voters: dict[str, str]) -> None:
    """Any id, any address: quotes, line feeds, any Unicode."""
    configuration = Configuration.of(voters)
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
    assert configuration.without_server(server) == Configuration.of(rest)
    assert (server in configuration) == (server in voters)
    assert configuration.address_of(server) == voters.get(server, "")


@given(servers=st.lists(ids, max_size=6))
def test_ids_alone_make_a_configuration_without_addresses(servers: list[str]) -> None:
    """Each once, and sorted."""
    configuration = Configuration.of(servers)
    assert configuration.ids == tuple(sorted(set(servers)))
    assert {address for _, address in configuration.voters} <= {""}
