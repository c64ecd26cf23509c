"""What a plugin does wrong while it runs, in words for its author.

Python's own error is about the place where a wrong object was first used, which is in the core:
"'int' object has no attribute 'send'". So the driver asks here when such an error has arisen, and
not before: what is right pays nothing. Nothing is taken for a plugin's mistake that may be the
site's, whose values, callables and time limits pass here too: what is said is read from the frames
that failed, or tried once more.
"""

from __future__ import annotations

import inspect
import opcode
from collections.abc import Iterator, Sequence
from itertools import takewhile
from types import TracebackType
from typing import Any

from .._codec import codec as codec_module
from .._operations.declare import collect, declared
from ..commands import Command, Primaries, Spread
from ..commands.running import arun, arun_on, astream, blamed, run, run_on, stream
from ..commands.shapes import NOTHING
from ..exceptions import RedisCacheError

#: What arises in the core when a plugin hands it something else than it should.
SYMPTOMS = (AttributeError, TypeError, ValueError)

_REQUEST: Any = Primaries.__mro__[1]
#: Where operations are driven.
DRIVING = {
    function.__code__ for function in (run, arun, run_on, arun_on, blamed, stream, astream, collect)
}
_PIPELINE = f"{__name__.partition('.')[0]}.cache."


def _yield_from() -> bytes:
    """The instruction that ``yield from`` begins with; empty where there is none such.

    It has one of its own, and since Python 3.15 that of a loop with another argument.
    """

    def example() -> Iterator[None]:
        yield from ()

    code = example.__code__.co_code
    taking = {opcode.opmap.get(name) for name in ("GET_YIELD_FROM_ITER", "GET_ITER")}
    pairs = (code[at : at + 2] for at in range(0, len(code), 2))
    return next((pair for pair in pairs if pair[0] in taking), b"")


_YIELD_FROM = _yield_from()
#: Where a pair is taken apart, where it becomes arguments, and where a call has others than it
#: should. PRECALL is of Python 3.11, CALL_KW of 3.13 and later.
_UNPACKING = {
    opcode.opmap.get(name)
    for name in ("UNPACK_SEQUENCE", "LIST_EXTEND", "CALL_FUNCTION_EX", "CALL", "CALL_KW", "PRECALL")
}

_GENERATOR = (
    "An operation is a generator: it yields commands, and ends with a value, as in "
    "`return (yield from super().{}(…))`."
)


def explained(error: BaseException, operation: str, client: Any) -> str:
    """What a plugin has done wrong for which ``operation`` of ``client`` failed with ``error``;
    empty where it was no plugin, or nobody can tell."""
    if isinstance(error, RedisCacheError):  # some are a TypeError or a ValueError too
        return ""
    places = list(_places(error))
    if not places:
        return ""
    return (
        _no_generator(error, places[-1], operation, client)
        or _no_request(places, operation, client)
        or _not_to_be_yielded_from(error, places[-1], client)
        or _wrong_bytes(places, operation, client)
        or _wrong_wrap(places, operation, client)
    )


def _places(error: BaseException) -> Iterator[TracebackType]:
    place = error.__traceback__
    while place is not None:
        yield place
        place = place.tb_next


def _no_generator(error: BaseException, place: TracebackType, operation: str, client: Any) -> str:
    """A function like any other in place of an operation."""
    if not isinstance(error, AttributeError) or error.name not in ("send", "close", "throw"):
        return ""
    if _under_way(place) is None:
        return ""
    return (
        f"{operation}() of {_offering(client, operation)} returned {_a(error.obj)}. "
        + _GENERATOR.format(operation)
    )


def _no_request(places: Sequence[TracebackType], operation: str, client: Any) -> str:
    for at, place in enumerate(places):
        driven = _under_way(place)
        if driven is None:
            continue
        under_way, request = driven
        if inspect.iscoroutine(under_way):
            return (
                f"{operation}() of {_offering(client, operation)} is a coroutine. Write `def` and "
                f"`yield from` for `async def` and `await`. {_GENERATOR.format(operation)}"
            )
        if request is NOTHING or _is_request(request):
            return ""
        advice = "Yield commands of django_redis_core.commands, such as `yield GET(key)`."
        if inspect.isgenerator(request):
            advice = f"Write `yield from` for `yield` before it calls {request.__name__}()."
        who = _yielding(places[at + 1 :]) or f"{operation}() of {_offering(client, operation)}"
        return f"{operation}(): {who} yielded {_a(request)}, which is no command. {advice}"
    return ""


def _under_way(place: TracebackType) -> tuple[Any, Any] | None:
    """Where an operation is driven: that operation, and what it has yielded last."""
    found = place.tb_frame.f_locals
    if place.tb_frame.f_code in DRIVING:
        operation = found.get("operation", found.get("stream"))
        return operation, found.get("request", NOTHING)
    step: Any = found.get("self")  # of a pipeline, which has None for nothing
    if hasattr(step, "operation") and hasattr(step, "request"):
        return step.operation, NOTHING if step.request is None else step.request
    return None


def _yielding(places: Sequence[TracebackType]) -> str:
    """The function that has yielded: the innermost of those that the driver's error went through,
    for it was thrown in there."""
    generators = takewhile(_is_of_an_operation, places)
    *_, last = [None, *generators]
    if last is None:
        return ""
    code = last.tb_frame.f_code
    module = last.tb_frame.f_globals.get("__name__")
    return f"{module}.{code.co_qualname}() ({code.co_filename}, line {last.tb_lineno})"


def _is_of_an_operation(place: TracebackType) -> bool:
    frame = place.tb_frame
    if frame.f_code in DRIVING:
        return False
    # A pipeline is a generator too, in the room above this one.
    pipeline = str(frame.f_globals.get("__name__")).startswith(_PIPELINE)
    return bool(frame.f_code.co_flags & inspect.CO_GENERATOR) and not pipeline


def _is_request(request: Any) -> bool:
    if isinstance(request, list):
        return all(isinstance(one, Command | Spread) for one in request)
    return isinstance(request, (Command, Spread, _REQUEST))


def _not_to_be_yielded_from(error: BaseException, place: TracebackType, client: Any) -> str:
    """``yield from`` of what is no generator: an operation that another one calls."""
    code = place.tb_frame.f_code
    if not isinstance(error, TypeError) or place.tb_frame.f_locals.get("self") is not client:
        return ""
    if not _YIELD_FROM or code.co_code[place.tb_lasti :][:2] != _YIELD_FROM:
        return ""
    operations = declared(type(client))
    called = [name for name in operations if name in code.co_names and _plain(client, name)]
    if not called:
        return f"`yield from` in {code.co_qualname}() was not given a generator: {error}."
    names = " or ".join(f"{name}() of {_offering(client, name)}" for name in called)
    return f"{names} returned no generator: {error}. {_GENERATOR.format(called[0])}"


def _wrong_bytes(places: Sequence[TracebackType], operation: str, client: Any) -> str:
    """What a serializer, compressor or sealer returned that is not bytes."""
    frames = [place.tb_frame for place in places]
    inside = [frame.f_locals for frame in frames if frame.f_globals is vars(codec_module)]
    of_one = next((found for found in inside if "key" in found and "value" in found), None)
    if of_one is None:
        return ""
    codec, key, value = client.codec, of_one["key"], of_one["value"]
    serializer = codec.serializers[0]
    data = serializer.dumps(value)
    wrong = _not_bytes(data, "dumps", "serializer", serializer, operation)
    if not wrong and codec.compressors and codec.compress:
        compressor = codec.compressors[0]
        try:
            data = compressor.compress(data)
        except TypeError as again:
            return _fails("compress", "compressor", compressor, operation, again)
        wrong = _not_bytes(data, "compress", "compressor", compressor, operation)
    if not wrong and codec.sealer is not None:
        sealer = getattr(codec.sealer, "_sealer", codec.sealer)
        try:
            data = codec.sealer.seal(key, data)
        except TypeError as again:
            return _fails("seal", "sealer", sealer, operation, again)
        wrong = _not_bytes(data, "seal", "sealer", sealer, operation)
    return wrong


def _not_bytes(data: Any, method: str, kind: str, plugin: Any, operation: str) -> str:
    if isinstance(data, bytes):
        return ""
    advice = f"Write `return` with the bytes in {method}()."
    if isinstance(data, str):
        advice = "Write `.encode()` behind it."
    elif isinstance(data, bytearray | memoryview):
        advice = "Write `bytes(…)` around it."
    return (
        f"{operation}(): {method}() of the {kind} {_called(type(plugin))} returned {_a(data)}, and "
        f"must return bytes. {advice}"
    )


def _fails(method: str, kind: str, plugin: Any, operation: str, error: TypeError) -> str:
    return f"{operation}(): {method}() of the {kind} {_called(type(plugin))} fails: {error}."


def _wrong_wrap(places: Sequence[TracebackType], operation: str, client: Any) -> str:
    """A ``wrap`` that returns something else than the pair that it is for, or takes something
    else. It is tried from the innermost client outwards: the first that is wrong, is it."""
    last, frames = places[-1], [place.tb_frame for place in places]
    if last.tb_frame.f_code.co_code[last.tb_lasti] not in _UNPACKING:
        return ""  # raised by somebody, or of another use of what the caller gave
    ours = [frame for frame in frames if frame.f_locals.get("self") is client]
    if not ours or "wrap" not in ours[-1].f_code.co_names:
        return ""
    found = ours[-1].f_locals
    key, value = found.get("full", found.get("key")), found.get("value", "text")
    key = key if isinstance(key, str) else client.naming.make("key")
    for cls in reversed(type(client).__mro__):
        if "wrap" not in vars(cls):
            continue
        what = f"{operation}(): wrap() of the client {_called(cls)}"
        try:
            wrapped = vars(cls)["wrap"](client, key, value, None)
        except TypeError as again:
            return f"{what} fails: {again}. It is called as wrap(key, value, milliseconds)."
        if not _is_wrapped(wrapped):
            return (
                f"{what} returned {_a(wrapped)}, and must return the bytes to store and the "
                "milliseconds to keep them, as in `return data, milliseconds`."
            )
    return ""


def _is_wrapped(wrapped: Any) -> bool:
    if not isinstance(wrapped, tuple | list) or len(wrapped) != 2:
        return False
    return isinstance(wrapped[0], bytes) and isinstance(wrapped[1], int | None)


def _plain(client: Any, operation: str) -> bool:
    return any(
        operation in vars(cls) and not inspect.isgeneratorfunction(vars(cls)[operation])
        for cls in type(client).__mro__
    )


def _offering(client: Any, operation: str) -> str:
    """The client that has an operation as it is. One that is no generator function may hand on
    what the next one returns, so the last of those is meant."""
    classes = [cls for cls in type(client).__mro__ if operation in vars(cls)]
    found = classes[0] if classes else type(client)
    for cls in classes:
        if inspect.isgeneratorfunction(vars(cls)[operation]):
            break
        found = cls
    return f"the client {_called(found)}"


def _called(plugin: type[Any]) -> str:
    name = getattr(plugin, "name", "")
    return f"{name!r} ({plugin.__module__}.{plugin.__qualname__})"


def _a(value: Any) -> str:
    """Its type and not itself, which may be anybody's secret."""
    if value is None:
        return "None"
    name = type(value).__name__
    if name.endswith("s"):  # bytes
        return name
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
