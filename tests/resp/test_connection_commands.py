"""The commands that a connection answers itself, with the replies and texts of Redis 7.0."""

from dataclasses import replace

import pytest

from tests.adapters.network.recorder import eventually
from tests.resp.resp_lab import STATUS, lab, on_both_loops, request, requests
from tfraft.resp.command import ConnectionCommand
from tfraft.resp.table import CONNECTION_COMMANDS
from tfraft.store.commands import COMMANDS as STORE_COMMANDS

NO_PASSWORD = (
    "-ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
WRONG_PASSWORD = "-WRONGPASS invalid username-password pair or user is disabled."
BAD_NAME = "-ERR Client names cannot contain spaces, newlines or special characters."
NOT_A_NUMBER = "-ERR value is not an integer or out of range"
BAD_SETTING = "-ERR CONFIG SET failed (possibly related to argument"
ROLE = (
    "*3\r\n$6\r\nmaster\r\n:10\r\n*2\r\n*3\r\n$8\r\n10.0.0.2\r\n$1\r\n2\r\n$2\r\n10\r\n"
    "*3\r\n$8\r\n10.0.0.3\r\n$1\r\n3\r\n$1\r\n8"
)
HELP_OF_READMODE = "-ERR READMODE takes linearizable, lease, follower, or stale and a number of seconds"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("ping", "+PONG"),
        ("PING a", "$1\r\na"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command"),
        ("ECHO", "-ERR wrong number of arguments for 'echo' command"),
        ("FOO", "-ERR unknown command 'FOO', with args beginning with: "),
        ("SUBSCRIBE a", "-ERR unknown command 'SUBSCRIBE', with args beginning with: 'a' "),
        ("HELLO 4", "-NOPROTO unsupported protocol version"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range"),
        ("HELLO 3 FOO", "-ERR Syntax error in HELLO option 'FOO'"),
        ("HELLO 3 AUTH u", "-ERR Syntax error in HELLO option 'AUTH'"),
        ("HELLO 3 AUTH u p", WRONG_PASSWORD),
        ("HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'"),
        ("AUTH x", NO_PASSWORD),
        ("AUTH default x", "+OK"),
        ("AUTH u x", WRONG_PASSWORD),
        ("AUTH", "-ERR wrong number of arguments for 'auth' command"),
        ("AUTH a b c", "-ERR syntax error"),
        ("SELECT 0", "+OK"),
        ("SELECT 1", "-ERR DB index is out of range"),
        ("SELECT -1", "-ERR DB index is out of range"),
        ("SELECT x", NOT_A_NUMBER),
        ("RESET", "+RESET"),
        ("TIME x", "-ERR wrong number of arguments for 'time' command"),
        ("CLIENT", "-ERR wrong number of arguments for 'client' command"),
        ("CLIENT FOO", "-ERR unknown subcommand 'FOO'. Try CLIENT HELP."),
        ("CLIENT ID", ":1"),
        ("CLIENT ID x", "-ERR wrong number of arguments for 'client|id' command"),
        ("CLIENT GETNAME", "$-1"),
        ("CLIENT SETINFO LIB-NAME x", "+OK"),
        ("CLIENT SETINFO FOO x", "-ERR Unrecognized option 'FOO'"),
        ("CLIENT MAINT_NOTIFICATIONS ON", "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."),
        ("CLIENT REPLY X", "-ERR syntax error"),
        ("CLIENT NO-EVICT on", "+OK"),
        ("CLIENT NO-TOUCH x", "-ERR syntax error"),
        ("CLIENT LIST TYPE x", "-ERR Unknown client type 'x'"),
        ("CLIENT LIST TYPE pubsub", "$0\r\n"),
        ("CLIENT LIST FOO", "-ERR syntax error"),
        ("CLIENT LIST ID x", "-ERR Invalid client ID"),
        ("CLIENT LIST ID 99", "$0\r\n"),
        ("CLIENT KILL x", "-ERR No such client"),
        ("CLIENT KILL ID 99", ":0"),
        ("CLIENT KILL ID x", "-ERR client-id should be greater than 0"),
        ("CLIENT KILL FOO 1", "-ERR syntax error"),
        ("CLIENT KILL ID 1 SKIPME", "-ERR syntax error"),
        ("CLIENT KILL SKIPME x ID 2", "-ERR syntax error"),
        ("CLIENT KILL TYPE x", "-ERR Unknown client type 'x'"),
        ("CLIENT KILL USER u", "-ERR No such user 'u'"),
        ("CLIENT KILL TYPE normal", ":0"),
        ("CONFIG", "-ERR wrong number of arguments for 'config' command"),
        ("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command"),
        ("CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n"),
        ("CONFIG GET foo", "*0"),
        ("CONFIG GET MAXC* timeou?", "*4\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n$7\r\ntimeout\r\n$1\r\n0"),
        ("CONFIG SET maxclients", "-ERR wrong number of arguments for 'config|set' command"),
        ("CONFIG SET foo bar", "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'"),
        ("CONFIG SET maxclients x", f"{BAD_SETTING} 'maxclients') - argument couldn't be parsed into an integer"),
        (
            "CONFIG SET maxclients 0",
            f"{BAD_SETTING} 'maxclients') - argument must be between 1 and 4294967295 inclusive",
        ),
        ("CONFIG SET timeout 0 timeout 1", f"{BAD_SETTING} 'timeout') - duplicate parameter"),
        ("CONFIG SET databases 3", f"{BAD_SETTING} 'databases') - can't set immutable config"),
        (
            "CONFIG SET client-output-buffer-limit x",
            f"{BAD_SETTING} 'client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration.",
        ),
        ("CONFIG RESETSTAT", "+OK"),
        ("CONFIG REWRITE", "-ERR The server is running without a config file"),
        ("COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb"),
        ("COMMAND GETKEYS WATCH a b", "*2\r\n$1\r\na\r\n$1\r\nb"),
        ("COMMAND GETKEYS CONFIG GET x", "-ERR The command has no key arguments"),
        ("COMMAND GETKEYS FOO x", "-ERR Invalid command specified"),
        ("COMMAND GETKEYS GET x y", "-ERR Invalid number of arguments specified for command"),
        ("COMMAND LIST FILTERBY PATTERN ech?", "*1\r\n$4\r\necho"),
        ("COMMAND LIST FILTERBY MODULE x", "*0"),
        ("COMMAND LIST FILTERBY X y", "-ERR syntax error"),
        ("COMMAND LIST x", "-ERR syntax error"),
        ("COMMAND DOCS foo", "*0"),
        ("COMMAND INFO foo", "*1\r\n*-1"),
        ("INFO foo", "$0\r\n"),
        ("INFO keyspace", "$12\r\n# Keyspace\r\n"),
        ("ROLE", ROLE),
        ("WAIT 1", "-ERR wrong number of arguments for 'wait' command"),
        ("WAIT x 0", NOT_A_NUMBER),
        ("WAIT 0 x", "-ERR timeout is not an integer or out of range"),
        ("WAIT 1 -1", "-ERR timeout is negative"),
        ("WAIT 1 0", ":1"),
        ("WAIT 2 20", ":1"),
        ("CLUSTER MYID", "$40\r\n86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("CLUSTER FOO", "-ERR unknown subcommand 'FOO'. Try CLUSTER HELP."),
        ("READMODE", "$12\r\nlinearizable"),
        ("READMODE fast", HELP_OF_READMODE),
        ("READMODE stale", HELP_OF_READMODE),
        ("READMODE stale -1", HELP_OF_READMODE),
        ("READMODE stale nan", HELP_OF_READMODE),
        ("READMODE lease 1", HELP_OF_READMODE),
        ("READMODE LEASE\nREADMODE", "+OK\r\n$5\r\nlease"),
        ("READMODE Stale 2.5\nREADMODE", "+OK\r\n$9\r\nstale 2.5"),
        ("READONLY\nREADMODE\nREADWRITE\nREADMODE", "+OK\r\n$8\r\nfollower\r\n+OK\r\n$12\r\nlinearizable"),
    ],
)
@on_both_loops
async def test_each_is_answered_as_by_redis(command: str, reply: str) -> None:
    async with lab() as one:
        client = await one.client()
        assert await client.talk(requests(command)) == reply.encode() + b"\r\n"


def test_no_command_of_a_connection_is_one_of_the_store_too() -> None:
    """A name that the store knows is not looked up among those of the connection."""
    assert not CONNECTION_COMMANDS.keys() & {name.partition(b" ")[0] for name in STORE_COMMANDS}


@on_both_loops
async def test_debug_is_refused() -> None:
    async with lab() as one:
        client = await one.client()
        assert (await client.talk(request("DEBUG", "SLEEP", "0"))).startswith(b"-ERR DEBUG command not allowed.")


@on_both_loops
async def test_hello_says_who_we_are_and_takes_a_name() -> None:
    async with lab() as one:
        client = await one.client()
        fields = b"server=redis version=7.0.15 proto=3 id=1 mode=standalone role=master modules="
        seen = await client.talk(requests("HELLO 3 AUTH default p SETNAME n"))
        for field in fields.split():
            name, _, value = field.partition(b"=")
            shown = (
                b":" + value if name in (b"proto", b"id") else b"$%d\r\n%b" % (len(value), value) if value else b"*0"
            )
            assert b"$%d\r\n%b\r\n%b\r\n" % (len(name), name, shown) in seen
        await client.ask(requests("CLIENT GETNAME\nRESET\nCLIENT GETNAME"), b"$1\r\nn\r\n+RESET\r\n$-1\r\n")
        await client.ask(request("HELLO", "3", "SETNAME", "a b"), BAD_NAME.encode() + b"\r\n")
        await client.ask(request("CLIENT", "SETNAME", "a b"), BAD_NAME.encode() + b"\r\n")


@on_both_loops
async def test_info_has_what_tools_read_and_is_a_text_in_resp3() -> None:
    async with lab() as one:
        client = await one.client()
        await client.talk(requests("HELLO 3\nSET a 1\nGET"))
        seen = (await client.talk(requests("INFO"))).decode()
        assert seen.startswith("=")
        assert seen.partition("\r\n")[2].startswith("txt:# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n")
        for field in (
            *("os:", "arch_bits:64", "process_id:", "run_id:", f"tcp_port:{one.server.port}", "uptime_in_seconds:0"),
            *("connected_clients:1", "blocked_clients:0", "maxclients:10000", "used_memory:", "used_memory_human:"),
            *("used_memory_rss:", "maxmemory:0", "loading:0", "rdb_bgsave_in_progress:0", "aof_enabled:1"),
            *("total_connections_received:1", "total_commands_processed:4", "total_error_replies:1", "role:master"),
            *("connected_slaves:2", "master_repl_offset:10", "cluster_enabled:0", "db0:keys=1,expires=0,avg_ttl=0"),
            *("raft_node_id:a", "raft_role:leader", "raft_term:7", "raft_leader_id:a", "raft_leader_addr:10.0.0.1:1"),
            *("raft_commit_index:10", "raft_applied_index:10", "raft_quorum_ok:1", "raft_peer1:id=c,match=8,lag=4"),
            "errorstat_ERR:count=1",
        ):
            assert f"\r\n{field}" in seen, field
        assert "cmdstat_set:calls=1\r\n" in (await client.talk(requests("INFO commandstats"))).decode()
        one.gateway.lose_leader()
        assert "raft_quorum_ok:0" in (await client.talk(requests("INFO raft"))).decode()
        await client.talk(requests("CONFIG RESETSTAT"))
        assert "total_commands_processed:2\r\n" in (await client.talk(requests("INFO stats"))).decode()


@on_both_loops
async def test_wait_waits_until_enough_servers_have_the_log_or_the_time_is_up() -> None:
    async with lab() as one:
        client = await one.client()
        client.send(requests("WAIT 2 0"))
        await eventually(lambda: one.server.hub.statistics.calls["WAIT"] == 1)
        one.gateway.current = replace(STATUS, peers=[STATUS.peers[0]] * 2)
        await client.expect(b":2\r\n")
        one.gateway.lose_leader()
        await client.ask(requests("WAIT 2 0\nWAIT 1 0"), b":1\r\n:1\r\n")


@on_both_loops
async def test_a_killed_connection_ends_and_the_killer_gets_its_answer() -> None:
    async with lab() as one:
        killer, victim = await one.client(), await one.client()
        await victim.ask(requests("CLIENT SETNAME victim\nCLIENT ID"), b"+OK\r\n:2\r\n")
        assert b" name=victim " in await killer.talk(requests("CLIENT LIST"))
        await killer.ask(requests("CLIENT KILL ID 2"), b":1\r\n")
        assert await victim.rest() == b""
        await eventually(lambda: len(one.server.hub.callers) == 1)
        await killer.ask(requests("CLIENT KILL TYPE normal SKIPME no"), b":1\r\n")
        assert await killer.rest() == b""


@on_both_loops
async def test_a_setting_holds_from_then_on() -> None:
    async with lab() as one:
        client = await one.client()
        value = b"normal 5000000 0 0"
        await client.ask(request("CONFIG", "SET", "maxclients", "1", "client-output-buffer-limit", value), b"+OK\r\n")
        await client.ask(
            requests("CONFIG GET client-output-buffer-limit"),
            b"*2\r\n$26\r\nclient-output-buffer-limit\r\n$18\r\nnormal 5000000 0 0\r\n",
        )
        assert (await (await one.client()).rest()).startswith(b"-ERR max number of clients")


@on_both_loops
async def test_all_commands_are_told_of_with_their_arity_keys_and_documentation() -> None:
    async with lab() as one:
        client = await one.client()
        names = {name.decode().lower().partition(" ")[0] for name in (*CONNECTION_COMMANDS, *STORE_COMMANDS)}
        assert await client.talk(requests("COMMAND COUNT")) == b":%d\r\n" % len(names)
        assert (await client.talk(requests("COMMAND"))).startswith(b"*%d\r\n*10\r\n" % len(names))
        listed = await client.talk(requests("COMMAND LIST"))
        assert sorted(listed.decode().split("\r\n")[2::2]) == sorted(names)
        seen = await client.talk(requests("COMMAND INFO get"))
        assert seen.startswith(b"*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n")
        docs = await client.talk(requests("COMMAND DOCS client|id object|encoding"))
        assert docs.startswith(b"*4\r\n$9\r\nclient|id\r\n")
        assert b"tf." not in await client.talk(requests("COMMAND DOCS"))


@pytest.mark.parametrize("command", [command for command in CONNECTION_COMMANDS.values() if command.subcommands])
@on_both_loops
async def test_help_tells_of_each_subcommand(command: ConnectionCommand) -> None:
    async with lab() as one:
        client = await one.client()
        seen = await client.talk(requests(f"{command.name} HELP"))
        assert seen.startswith(b"*%d\r\n+%b <subcommand>" % (1 + 2 * len(command.subcommands), command.name.encode()))


@on_both_loops
async def test_no_arguments_make_a_command_raise() -> None:
    """Whatever a client sends, it gets an answer, and the connection lives."""
    async with lab() as one:
        client = await one.client()
        words = ("", "0", "-1", "99999999999999999999", "x", "\0", "nan", "normal", "\udcff")
        for name, command in CONNECTION_COMMANDS.items():
            for start in [(name,), *((name, member) for member in command.subcommands)]:
                if start[-1] in (b"QUIT", b"REPLY", b"KILL", b"WAIT", b"MULTI"):
                    continue
                for count in range(4):
                    for word in words:
                        raw = word.encode(errors="surrogateescape")
                        await client.talk(request(*start, *([raw] * count)))
