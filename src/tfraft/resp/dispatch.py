"""A request on its way: refused, queued for a transaction, answered here, or handed to the cluster."""

from functools import partial

from tfraft.core.requests import ClientQuery, ClientRequest
from tfraft.resp.caller import Caller, Queued, Transaction
from tfraft.resp.command import NOTHING, Ask, ConnectionCommand, Order, answer_at_once, find
from tfraft.resp.command import resolve as resolve_own
from tfraft.resp.for_store import check, is_write
from tfraft.resp.table import CONNECTION_COMMANDS
from tfraft.store import codec
from tfraft.store.command import Command
from tfraft.store.commands import COMMANDS, MAX_COMMAND_BYTES

_QUEUED = b"+QUEUED\r\n"
_OF_ANOTHER_PROTOCOL = (b"POST", b"HOST:")
_TOO_LARGE = b"-ERR the transaction is too large\r\n"


def dispatch(caller: Caller, args: list[bytes]) -> bool:
    """Have `args`, a command, executed. False where it must wait until reads are answered; nothing is changed then."""
    # No command of a connection is one of the store, too: a name that the store knows as it stands needs no search.
    own = None if args[0] in COMMANDS else find(CONNECTION_COMMANDS, args)
    if own is not None:
        return _dispatch_own(caller, own, args)
    found = check(args)
    if isinstance(found, bytes):
        _refuse(caller, args, found)
    elif caller.transaction is not None:
        _queue(caller, caller.transaction, args, found)
    elif not is_write(found, args):
        caller.hub.statistics.calls[found.name] += 1
        caller.ask_read(codec.encode(args), caller.slot())
    elif caller.row.open_reads:
        return False
    else:
        caller.hub.statistics.calls[found.name] += 1
        caller.ask_write(ClientRequest(codec.encode(args)), caller.slot())
    return True


def _dispatch_own(caller: Caller, own: ConnectionCommand, args: list[bytes]) -> bool:
    command = resolve_own(own, args)
    if isinstance(command, bytes):
        _refuse(caller, args, command)
        return True
    transaction = caller.transaction
    if transaction is not None and not command.in_transaction:
        _queue(caller, transaction, args, command)
        return True
    row = caller.row
    if row.open_reads and command.order in (Order.WRITE, Order.LAST):
        return False
    if row.open_writes and command.order is Order.LAST:
        return False
    caller.hub.statistics.calls[command.name] += 1
    caller.last_command = command.name
    _answer(caller, command, args)
    return True


def _answer(caller: Caller, command: ConnectionCommand, args: list[bytes]) -> None:
    assert command.run is not None, "a command without one has subcommands, and no other arity"
    result = command.run(caller, args)
    if isinstance(result, bytes):
        if result is not NOTHING:
            caller.slot().fill(result)
    elif isinstance(result, Ask):
        _ask(caller, command.order, result)
    else:
        result.start(caller.slot().fill)


def _ask(caller: Caller, order: Order, ask: Ask) -> None:
    slot = caller.slot(ask.then)
    request = ask.request
    if order is Order.FREE:
        caller.hub.gateway.request(request, slot.on_answer)
    elif isinstance(request, ClientQuery):
        caller.ask_read(request.query, slot)
    else:
        caller.ask_write(request, slot)


def _refuse(caller: Caller, args: list[bytes], error: bytes) -> None:
    """Answer with an error; a transaction that is being queued is lost."""
    if args[0].upper() in _OF_ANOTHER_PROTOCOL:
        caller.hang_up()
        return
    if caller.transaction is not None:
        caller.transaction.is_spoiled = True
    caller.slot().fill(error)


def _queue(caller: Caller, transaction: Transaction, args: list[bytes], command: Command | ConnectionCommand) -> None:
    if isinstance(command, ConnectionCommand):
        if command.order in (Order.READ, Order.WRITE):
            _refuse(caller, args, b"-ERR Command not allowed inside a transaction\r\n")
            return
        queued = Queued(answer=partial(answer_at_once, command, caller, args))
    else:
        queued = Queued(codec.encode(args))
        transaction.only_reads = transaction.only_reads and not is_write(command, args)
        transaction.size_bytes += len(queued.encoded)
    if len(transaction.commands) >= caller.hub.limits.max_queued_commands or transaction.size_bytes > MAX_COMMAND_BYTES:
        _refuse(caller, args, _TOO_LARGE)
        return
    transaction.commands.append(queued)
    caller.slot().fill(_QUEUED)
