"""Requests and answers as the protobuf messages of raft.proto, and back. No I/O here."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias, assert_never

from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.identity import Identification
from tfraft.adapters.network.names import address_fault, name_fault
from tfraft.core.configuration import ServerId
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ChangeServers,
    ClientBatch,
    ClientCall,
    ClientQuery,
    ClientRequest,
    Consistency,
    NodeRequest,
    RegisterClient,
    RemoveServer,
    TransferLeadership,
    UpdateServer,
)

RequestMessage: TypeAlias = (
    pb.RegisterClient
    | pb.ClientRequest
    | pb.ClientQuery
    | pb.ClientBatch
    | pb.AddServer
    | pb.RemoveServer
    | pb.UpdateServer
    | pb.ChangeServers
    | pb.TransferLeadership
)

_WRITTEN_STATUS = {
    AnswerStatus.OK: pb.OK,
    AnswerStatus.NOT_LEADER: pb.NOT_LEADER,
    AnswerStatus.REFUSED: pb.REFUSED,
    AnswerStatus.TIMEOUT: pb.TIMEOUT,
    AnswerStatus.SESSION_EXPIRED: pb.SESSION_EXPIRED,
    AnswerStatus.OVERLOADED: pb.OVERLOADED,
}
_READ_STATUS = {written: status for status, written in _WRITTEN_STATUS.items()}
_WRITTEN_CONSISTENCY = {
    Consistency.LINEARIZABLE: pb.LINEARIZABLE,
    Consistency.LEASE: pb.LEASE,
    Consistency.FOLLOWER: pb.FOLLOWER,
    Consistency.STALE: pb.STALE,
}
_READ_CONSISTENCY = {written: consistency for consistency, written in _WRITTEN_CONSISTENCY.items()}


_PART_BYTES: Final = 1024 * 1024
"""The answers to a batch travel in parts of about this size; a larger response goes in a part of its own."""
_ANSWER_BYTES: Final = 16
"""What an answer is counted for beside its response."""


class UnfitRequest(ValueError):
    """A request that this network does not carry; the text is the reason for who asked."""


def write_request(request: NodeRequest) -> RequestMessage:
    """The protobuf message of a request. Raises `UnfitRequest`."""
    _check(request)
    try:
        return _written(request)
    except ValueError as error:  # A number that is negative, or has more than 64 bits.
        raise UnfitRequest(str(error)) from None


def read_request(message: RequestMessage) -> NodeRequest:
    """The record of a request. Raises `UnfitRequest`."""
    request = _read(message)
    _check(request)
    return request


def write_answers(answer: Answer) -> Iterator[pb.Answers]:
    """The protobuf messages of the answer to a batch: that itself, then those to its requests."""
    part = pb.Answers()
    size = 0
    for one in (answer, *answer.answers):
        if size and size + len(one.response) > _PART_BYTES:
            yield part
            part, size = pb.Answers(), 0
        part.answers.append(write_answer(one))
        size += len(one.response) + _ANSWER_BYTES
    yield part


def read_answers(parts: Iterable[pb.Answers]) -> Answer:
    """The answer to a batch from all its parts; where they do not even hold that, the outcome is open."""
    answers = [read_answer(answer) for part in parts for answer in part.answers]
    return replace(answers[0], answers=tuple(answers[1:])) if answers else Answer(AnswerStatus.TIMEOUT)


def write_answer(answer: Answer) -> pb.Answer:
    """The protobuf message of an answer, but for the answers to the requests of a batch."""
    return pb.Answer(
        status=_WRITTEN_STATUS[answer.status],
        response=answer.response,
        leader_hint=answer.leader_hint,
        leader_address=answer.leader_address,
        reason=answer.reason,
    )


def read_answer(message: pb.Answer) -> Answer:
    """The record of an answer. A status that we do not know, from a node newer than us, leaves the outcome open."""
    return Answer(
        status=_READ_STATUS.get(message.status, AnswerStatus.TIMEOUT),
        response=message.response,
        leader_hint=message.leader_hint,
        leader_address=message.leader_address,
        reason=message.reason,
    )


def write_identification(told: Identification) -> pb.Identification:
    """The protobuf message of what a node tells of itself."""
    return pb.Identification(
        version=told.version,
        cluster_id=told.cluster_id,
        server_id=told.server_id,
        leader_hint=told.leader_hint,
        leader_address=told.leader_address,
        members=_write_members(told.members),
    )


def read_identification(message: pb.Identification) -> Identification:
    """The record of what a node tells of itself."""
    return Identification(
        cluster_id=message.cluster_id,
        server_id=message.server_id,
        leader_hint=message.leader_hint,
        leader_address=message.leader_address,
        members=_read_members(message.members),
        version=message.version,
    )


def _write_members(members: Iterable[tuple[ServerId, str]]) -> list[pb.Member]:
    return [pb.Member(server_id=server, address=address) for server, address in members]


def _read_members(members: Iterable[pb.Member]) -> tuple[tuple[ServerId, str], ...]:
    return tuple((member.server_id, member.address) for member in members)


def _written(request: NodeRequest) -> RequestMessage:
    match request:
        case RegisterClient():
            return pb.RegisterClient()
        case ClientRequest(command, client_id, sequence_num, lowest_unanswered):
            return pb.ClientRequest(
                command=command,
                client_id=client_id,
                sequence_num=sequence_num,
                lowest_unanswered=lowest_unanswered,
            )
        case ClientQuery(query, consistency, max_staleness_s):
            return pb.ClientQuery(
                query=query, consistency=_WRITTEN_CONSISTENCY[consistency], max_staleness_s=max_staleness_s
            )
        case ClientBatch(requests):
            return pb.ClientBatch(requests=map(_written_call, requests))
        case AddServer(new_server, address, learner, index, force):
            return pb.AddServer(
                new_server=new_server, address=address, learner=learner, configuration_index=index, force=force
            )
        case RemoveServer(old_server, index, force):
            return pb.RemoveServer(old_server=old_server, configuration_index=index, force=force)
        case UpdateServer(server, address, index):
            return pb.UpdateServer(server=server, address=address, configuration_index=index)
        case ChangeServers(voters, index, force):
            return pb.ChangeServers(voters=_write_members(voters), configuration_index=index, force=force)
        case TransferLeadership(target):
            return pb.TransferLeadership(target=target)
        case _:
            assert_never(request)


def _written_call(request: ClientCall) -> pb.ClientCall:
    match written := _written(request):
        case pb.ClientRequest():
            return pb.ClientCall(request=written)
        case pb.ClientQuery():
            return pb.ClientCall(query=written)
        case _:
            return pb.ClientCall(register=pb.RegisterClient())


def _read_call(message: pb.ClientCall) -> ClientCall:
    match message.WhichOneof("call"):
        case "request":
            return _read_client_request(message.request)
        case "query":
            return _read_query(message.query)
        case "register":
            return RegisterClient()
        case _:
            raise UnfitRequest("a batch may have requests, queries and registrations of clients, and nothing else")


def _read_client_request(message: pb.ClientRequest) -> ClientRequest:
    return ClientRequest(message.command, message.client_id, message.sequence_num, message.lowest_unanswered)


def _read_query(message: pb.ClientQuery) -> ClientQuery:
    return ClientQuery(message.query, _read_consistency(message.consistency), message.max_staleness_s)


def _read(message: RequestMessage) -> NodeRequest:
    match message:
        case pb.RegisterClient():
            return RegisterClient()
        case pb.ClientRequest():
            return _read_client_request(message)
        case pb.ClientQuery():
            return _read_query(message)
        case pb.ClientBatch():
            return ClientBatch(tuple(map(_read_call, message.requests)))
        case pb.AddServer():
            return AddServer(
                message.new_server, message.address, message.learner, message.configuration_index, message.force
            )
        case pb.RemoveServer():
            return RemoveServer(message.old_server, message.configuration_index, message.force)
        case pb.UpdateServer():
            return UpdateServer(message.server, message.address, message.configuration_index)
        case pb.ChangeServers():
            return ChangeServers(_read_members(message.voters), message.configuration_index, message.force)
        case pb.TransferLeadership():
            return TransferLeadership(message.target)
        case _:
            assert_never(message)


def _read_consistency(written: "pb.Consistency.ValueType") -> Consistency:
    """Never a weaker one in place of one that only a newer client knows."""
    if written not in _READ_CONSISTENCY:
        raise UnfitRequest(f"there is no consistency {written} here")
    return _READ_CONSISTENCY[written]


def _check(request: NodeRequest) -> None:
    """Refuse names that could never travel, and addresses at which nobody could be: they would stay in the log."""
    queries = request.requests if isinstance(request, ClientBatch) else (request,)
    for query in queries:
        if isinstance(query, ClientQuery) and not query.max_staleness_s >= 0:
            raise UnfitRequest(f"max_staleness_s is a number of seconds from 0 on, not {query.max_staleness_s}")
    for server, address in _members_in(request):
        if fault := name_fault("an id", server) or (address and address_fault(address)):
            raise UnfitRequest(fault)


def _members_in(request: NodeRequest) -> Iterator[tuple[ServerId, str]]:
    """The servers that a request names, each with the address that it gives, if it gives one."""
    match request:
        case AddServer(server, address) | UpdateServer(server, address):
            yield server, address
        case RemoveServer(server) | TransferLeadership(server):
            yield server, ""
        case ChangeServers(voters):
            yield from voters
        case _:
            return
