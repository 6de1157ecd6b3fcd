"""The service of raft.proto, as anybody may call it: one message or request, and its answer in the same call."""

from dataclasses import fields

import pytest
from grpc import StatusCode

from tests.adapters.network.grpc_lab import OK, Replies, calling, serving, status_of
from tests.adapters.network.recorder import Recorder, run
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.wire import pack_entries
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    Reply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ChangeServers,
    ClientQuery,
    ClientRequest,
    Consistency,
    RegisterClient,
    RemoveServer,
    TransferLeadership,
    UpdateServer,
)

ENTRIES = Entries.of(Entry(3, EntryKind.COMMAND, b"SET k v"), Entry(4, EntryKind.NO_OP))
UNARY: list[type[Message]] = [
    RequestVote,
    RequestVoteReply,
    PreVote,
    PreVoteReply,
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    TimeoutNow,
]
SNAPSHOT_PIECE = pb.InstallSnapshot(
    term=4,
    leader_id="n1",
    snapshot=pb.Snapshot(
        index=9,
        term=3,
        configuration=b'{"voters":{"n1":"host:1"}}',
        configuration_index=5,
        size_bytes=100,
        checksum=7,
    ),
    offset=60,
    data=b"\x00\xff",
    leader_address="host:1",
)


@pytest.mark.parametrize("record", UNARY, ids=lambda record: record.__name__)
def test_a_message_has_the_fields_of_its_record(record: type[Message]) -> None:
    """Whoever adds a field to a record adds it here, too, or it is lost on the way."""
    written = {field.name for field in getattr(pb, record.__name__).DESCRIPTOR.fields}
    told_by_data = {"size_bytes"} if record is InstallSnapshot else set()
    assert written | told_by_data == {field.name for field in fields(record)}


def test_request_vote_is_answered_in_the_same_call() -> None:
    async def story() -> None:
        handler = Replies(RequestVoteReply(term=8, server_id="n2", vote_granted=True, incarnation=6))
        async with serving(handler) as server, calling(server.address) as stub:
            request = pb.RequestVote(
                term=8,
                candidate_id="n1",
                last_log_index=5,
                last_log_term=7,
                candidate_address="host:1",
                leadership_transfer=True,
            )
            reply = await stub.requestVote(request)
            assert reply == pb.RequestVoteReply(term=8, vote_granted=True, server_id="n2", incarnation=6)
            assert handler.messages == [RequestVote(8, "n1", 5, 7, "host:1", True)]

    run(story())


def test_append_entries_is_answered_in_the_same_call() -> None:
    async def story() -> None:
        handler = Replies(AppendEntriesReply(4, "n2", False, 1, 2, 3, 4, 5, 1.5, 6, 7))
        async with serving(handler) as server, calling(server.address) as stub:
            request = pb.AppendEntries(
                term=4,
                leader_id="n1",
                prev_log_index=2,
                prev_log_term=3,
                entries=pack_entries(ENTRIES),
                leader_commit=1,
                read_round=9,
                leader_address="host:1",
                sent_at=1.5,
            )
            assert await stub.appendEntries(request) == pb.AppendEntriesReply(
                term=4,
                success=False,
                server_id="n2",
                match_index=1,
                prev_log_index=2,
                conflict_index=3,
                conflict_term=4,
                read_round=5,
                sent_at=1.5,
                incarnation=6,
                priority=7,
            )
            await stub.appendEntries(pb.AppendEntries(term=4, leader_id="n1"))
            assert handler.messages == [
                AppendEntries(4, "n1", 2, 3, ENTRIES, 1, 9, "host:1", 1.5),
                AppendEntries(4, "n1", 0, 0),
            ]

    run(story())


def test_pre_vote_is_answered_in_the_same_call() -> None:
    async def story() -> None:
        handler = Replies(PreVoteReply(term=7, server_id="n2", vote_granted=True, pre_vote_term=8, incarnation=6))
        async with serving(handler) as server, calling(server.address) as stub:
            request = pb.PreVote(
                term=8, candidate_id="n1", last_log_index=5, last_log_term=7, candidate_address="host:1"
            )
            reply = await stub.preVote(request)
            assert reply == pb.PreVoteReply(term=7, vote_granted=True, server_id="n2", pre_vote_term=8, incarnation=6)
            assert handler.messages == [PreVote(8, "n1", 5, 7, "host:1")]

    run(story())


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (
            InstallSnapshotReply(4, "n2", 9, 62),
            pb.InstallSnapshotResult(wanted=pb.InstallSnapshotReply(term=4, server_id="n2", last_index=9, offset=62)),
        ),
        (
            AppendEntriesReply(4, "n2", True, match_index=9),
            pb.InstallSnapshotResult(
                installed=pb.AppendEntriesReply(term=4, server_id="n2", success=True, match_index=9)
            ),
        ),
    ],
)
def test_install_snapshot_is_answered_in_the_same_call(reply: Reply, result: pb.InstallSnapshotResult) -> None:
    """§5.1: by the place from which to go on; or, once the snapshot is whole, as an AppendEntries would be."""

    async def story() -> None:
        handler = Replies(reply)
        async with serving(handler) as server, calling(server.address) as stub:
            assert await stub.installSnapshot(SNAPSHOT_PIECE) == result
            base = Base(9, 3, Configuration.of({"n1": "host:1"}), 5)
            assert handler.messages == [InstallSnapshot(4, "n1", Snapshot(base, 100, 7), 60, 2, b"\x00\xff", "host:1")]

    run(story())


def test_timeout_now_is_received_and_what_comes_of_it_is_an_election() -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server, calling(server.address) as stub:
            assert await stub.timeoutNow(pb.TimeoutNow(term=4, leader_id="n1")) == pb.TimeoutNowReply()
            assert handler.messages == [TimeoutNow(4, "n1")]

    run(story())


def test_messages_that_no_server_sends_are_refused_in_this_form_as_well() -> None:
    async def story() -> None:
        handler = Recorder()
        no_configuration = pb.InstallSnapshot(snapshot=pb.Snapshot(configuration=b"{}"))
        a_bad_entry = pack_entries(Entries.of(Entry(1, EntryKind.CONFIGURATION, b"{}")))
        async with serving(handler) as server, calling(server.address) as stub:
            for call in (
                stub.appendEntries(pb.AppendEntries(entries=b"garbage")),
                stub.appendEntries(pb.AppendEntries(entries=a_bad_entry)),
                stub.appendEntries(pb.AppendEntries(sent_at=float("nan"))),
                stub.installSnapshot(no_configuration),
                stub.installSnapshot(pb.InstallSnapshot()),
            ):
                assert await status_of(call) is StatusCode.INVALID_ARGUMENT
            assert handler.messages == []

    run(story())


def test_a_request_that_another_client_should_not_have_sent_is_refused_with_a_reason() -> None:
    """A read is never made weaker in place of a consistency that only a newer client knows."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        newer = pb.ClientQuery.FromString(b"\x10\x2a")
        async with serving(handler) as server, calling(server.address) as stub:
            for call, reason in (
                (stub.addServer(pb.AddServer(new_server="n" * 2_000)), "at most 1024 bytes"),
                (stub.updateServer(pb.UpdateServer(server="n2", address="unix:/tmp/x")), "host:port"),
                (stub.clientQuery(newer), "no consistency 42"),
            ):
                answer = await call
                assert answer.status == pb.REFUSED
                assert reason in answer.reason
            assert handler.requests == []

    run(story())


def test_requests_and_answers_have_the_fields_of_the_proto_file() -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: Answer(AnswerStatus.NOT_LEADER, b"", "n3", "host:3", "why"))
        async with serving(handler) as server, calling(server.address) as stub:
            answers = [
                await stub.clientRequest(pb.ClientRequest(command=b"SET k v", client_id=4, sequence_num=3)),
                await stub.clientQuery(pb.ClientQuery(query=b"GET k", consistency=pb.STALE, max_staleness_s=2.5)),
                await stub.addServer(pb.AddServer(new_server="n4", address="host:4")),
                await stub.removeServer(pb.RemoveServer(old_server="n4")),
                await stub.updateServer(pb.UpdateServer(server="n4", address="host:5", configuration_index=7)),
                await stub.changeServers(
                    pb.ChangeServers(voters=[pb.Member(server_id="n1", address="host:1")], force=True)
                ),
                await stub.transferLeadership(pb.TransferLeadership(target="n2")),
                await stub.registerClient(pb.RegisterClient()),
            ]
            expected = pb.Answer(status=pb.NOT_LEADER, leader_hint="n3", leader_address="host:3", reason="why")
            assert answers == [expected] * 8
            assert handler.requests == [
                ClientRequest(b"SET k v", 4, 3),
                ClientQuery(b"GET k", Consistency.STALE, 2.5),
                AddServer("n4", "host:4"),
                RemoveServer("n4"),
                UpdateServer("n4", "host:5", 7),
                ChangeServers((("n1", "host:1"),), force=True),
                TransferLeadership("n2"),
                RegisterClient(),
            ]

    run(story())


def test_a_deadline_ends_the_wait_and_a_later_answer_does_no_harm() -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server, calling(server.address) as stub:
            assert await status_of(stub.requestVote(pb.RequestVote(), timeout=0.2)) is StatusCode.DEADLINE_EXCEEDED
            assert await status_of(stub.clientQuery(pb.ClientQuery(), timeout=0.2)) is StatusCode.DEADLINE_EXCEEDED
            on_reply = handler.on_replies[0]
            assert on_reply is not None
            on_reply(RequestVoteReply(1, "n2", True))
            handler.on_answers[0](OK)

    run(story())
