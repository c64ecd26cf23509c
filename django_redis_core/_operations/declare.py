"""The declaration of an operation, and what all families share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .._codec import timeouts
from .._codec.codec import MISSING, Codec
from ..commands import SET, SETS, Command, Emit, Operation, Spread, Stream
from ..exceptions import RedisCacheError
from .lookups import Lookup

if TYPE_CHECKING:
    from .._codec.keys import Keys

F = TypeVar("F", bound=Callable[..., Any])

Arguments = Mapping[str, Any]
"""A call's arguments by their names, those that were left out by default; and ``trouble``, the
error that the fallback stands for."""

Fallback = Callable[[Arguments], Any]


class Declaration:
    """What the driver and the documentation know of an operation of a client besides its code, with
    ``name``, ``fallback``, ``if_named``, ``stream`` and ``immediate`` as ``operation`` was given
    them."""

    def __init__(
        self,
        function: Callable[..., Any],
        fallback: Fallback | None,
        *,
        if_named: Fallback | None = None,
        stream: bool = False,
        immediate: bool = False,
        lookup: Lookup | None = None,
        keys: Sequence[str] = (),
        client: type | None = None,
    ) -> None:
        self.name = function.__name__
        #: The function that was declared; a client may override it.
        self.function = function
        self.fallback = fallback
        self.if_named = if_named or always(nothing)
        self.stream = stream
        self.immediate = immediate
        #: How hits are told, for observers; None where nothing is looked up.
        self.lookup = lookup
        #: The arguments that are keys.
        self.keys = keys
        self._client = client

    def of(self, client: type) -> Declaration:
        """The same for a class that has the operation."""
        return Declaration(
            self.function,
            self.fallback,
            if_named=self.if_named,
            stream=self.stream,
            immediate=self.immediate,
            lookup=self.lookup,
            keys=self.keys,
            client=client,
        )

    @cached_property
    def signature(self) -> inspect.Signature:
        """What a call may be given: the declared parameters, and the keywords that overrides add.

        Made when it is asked for: for all operations it is a tenth of the time to import.
        """
        signature = inspect.signature(self.function)
        known = signature.parameters
        added: dict[str, inspect.Parameter] = {}
        for override in overrides(self.name, self._client):
            for parameter in own_keywords(override):
                if parameter.name not in known:
                    added[parameter.name] = parameter.replace(kind=parameter.KEYWORD_ONLY)
        if not added:
            return signature
        *most, last = known.values()
        behind = [last] if last.kind is last.VAR_KEYWORD else []
        return signature.replace(
            parameters=[*most, *([] if behind else [last]), *added.values(), *behind]
        )

    @cached_property
    def key_is_first(self) -> bool:
        """Whether the first argument is the only one that is a key or keys. Of a call it is then
        found at once: to bind all arguments takes as long as a ``get``."""
        code = self.function.__code__
        named = code.co_varnames[1 : code.co_argcount]
        return len(self.keys) == 1 and named[:1] == tuple(self.keys)

    def arguments(self, args: Sequence[Any], kwargs: Arguments, trouble: Exception) -> Arguments:
        """A call's arguments for its fallback, which may look at ``trouble``."""
        bound = self.signature.bind(None, *args, **kwargs)
        bound.apply_defaults()
        return {**bound.arguments, "trouble": trouble}


#: Where ``operation`` leaves its declaration on the function.
_MARK = "__operation__"


def operation(
    *,
    fallback: Fallback | None,
    if_named: Fallback | None = None,
    stream: bool = False,
    immediate: bool = False,
    lookup: Lookup | None = None,
    keys: Sequence[str] = ("key", "keys"),
) -> Callable[[F], F]:
    """Declares a method of a client as a cache operation.

    It is then a method of the caches that have this client, ``cache.name`` and
    ``await cache.aname``, and of their pipelines. Its name is that of no other method of a cache.

    ``fallback`` makes the answer that is given instead of raising ``ConnectionInterrupted`` when
    ``IGNORE_EXCEPTIONS`` is on: ``always(int)``, ``argument("default")``, or a function of the
    call's arguments by name. ``None``: the operation fails closed, so it raises all the same,
    because any answer could let two callers believe that both were first. A site that wants an
    answer of such an operation names it in ``IGNORE_EXCEPTIONS_FOR``, and ``if_named`` makes that
    one; left out, it is None.

    ``stream``: the results are what it emits. ``immediate``: it asks no server, so on asyncio there
    is nothing to await.

    The rest is for observers. ``lookup`` says how the answer tells hits from misses, for what reads
    entries: ``by_default()`` (what is not there is answered with the argument ``default``),
    ``by_keys()`` (a mapping of those of ``keys`` that are there), ``by_truth()`` (whether it is
    there), ``by_computing()`` (``default`` is used for what is not there). ``keys`` names the
    arguments that are keys, or collections of them.

    A method that overrides an operation need not be declared; declared again, it has the fallback
    of its own, in the caches of this client alone. Hits are told as before where it names no other
    ``lookup``.
    """

    def declare(function: F) -> F:
        code = function.__code__
        many = bool(code.co_flags & inspect.CO_VARARGS)
        own = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount + many]
        declaration = Declaration(
            function,
            fallback,
            if_named=if_named,
            stream=stream,
            immediate=immediate,
            lookup=lookup and lookup.of(function),
            keys=tuple([name for name in keys if name in own]),
        )
        setattr(function, _MARK, declaration)
        return function

    return declare


def declared(client: type) -> dict[str, Declaration]:
    """The operations of a client class by name, those that it adds before those of its bases."""
    found: dict[str, Declaration] = {}
    lookups: dict[str, Lookup | None] = {}
    for base in client.__mro__:
        for name, member in vars(base).items():
            declaration = getattr(member, _MARK, None)
            if isinstance(declaration, Declaration) and declaration.name == name:
                found.setdefault(name, declaration)
                lookups[name] = lookups.get(name) or declaration.lookup
    made = {name: declaration.of(client) for name, declaration in found.items()}
    for name, declaration in made.items():
        declaration.lookup = lookups[name]
    return made


def overrides(name: str, client: type | None) -> list[Callable[..., Any]]:
    """The functions that a class and its bases have for an operation, the outermost last."""
    bases = () if client is None else reversed(client.__mro__)
    return [member for base in bases if callable(member := vars(base).get(name))]


def own_keywords(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a caller may give by name."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]


def always(factory: Callable[[], Any]) -> Fallback:
    """For ``fallback``: a fresh value each time. ``always(bool)`` is False, ``always(dict)`` an
    empty dict."""
    return lambda arguments: factory()


def so_far(factory: Callable[[], Any]) -> Fallback:
    """For ``fallback``: what the operation had when a server failed, which is that of the others;
    ``factory()`` where it had nothing. The operation leaves it in ``trouble.so_far``, alone in a
    tuple."""

    def answer(arguments: Arguments) -> Any:
        has = getattr(arguments.get("trouble"), "so_far", None)
        return factory() if has is None else has[0]

    return answer


def argument(name: str) -> Fallback:
    """For ``fallback``: what the caller passed as ``name``, or its default."""
    return lambda arguments: arguments[name]


def nothing() -> None:
    return None


def checked(replies: Sequence[Any]) -> Sequence[Any]:
    """``replies`` of a batch, when none of them is an error; otherwise the first one is raised."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def collect(stream: Stream, items: list[Any] | None = None) -> Operation[list[Any]]:
    """Runs a stream to its end and returns all that it emitted; ``items`` has it as it comes."""
    items = [] if items is None else items
    try:
        request = stream.send(None)
        while True:
            if isinstance(request, Emit):
                items += request.items
                request = stream.send(None)
                continue
            try:
                answer = yield request
            except RedisCacheError as error:  # the stream may go on with other servers
                request = stream.throw(error)
            else:
                request = stream.send(answer)
    except StopIteration:
        return items


class Family:
    """What the families of operations are given: key naming, the codec, the default timeout.

    ``wrap`` and ``unwrap`` are the seam for clients that store more than the value, such as a
    logical expiry: every operation that stores or reads a cache entry goes through them. A client
    that overrides them overrides ``recoded`` too, or its entries cannot be moved to a new format,
    and where it adds bytes, ``resealed`` of ``Versions``.
    """

    naming: Keys
    codec: Codec
    encode: Callable[[str, Any], bytes]
    decode: Callable[[str, bytes], Any]
    default_timeout: float | None
    scan_itersize: int
    clear_by_prefix: bool
    delete_unreadable: bool

    def milliseconds(self, timeout: Any) -> int | None:
        """A caller's timeout (seconds, None, DEFAULT_TIMEOUT) in milliseconds; None: for ever."""
        if timeout is DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return None if timeout is None else timeouts.milliseconds(timeout)

    def wrap(self, key: str, value: Any, milliseconds: int | None) -> tuple[bytes, int | None]:
        """What to store for ``value``, and for how many milliseconds. ``key`` is as stored."""
        return self.encode(key, value), milliseconds

    def sets_of(
        self, keys: Sequence[str], values: Sequence[Any], milliseconds: int | None
    ) -> list[Command | Spread]:
        """The SETs of what ``wrap`` makes of ``values``, each under its key."""
        if type(self).wrap is Family.wrap and self.encode is self.codec.encode:
            return SETS(keys, self.codec.encode_many(keys, values), milliseconds)
        wrap = self.wrap
        return [
            SET(key, *wrap(key, value, milliseconds))
            for key, value in zip(keys, values, strict=True)
        ]

    def unwrap(self, key: str, data: bytes) -> Any:
        """The value in ``data``, or MISSING when it cannot be read or is not to be seen."""
        return self.decode(key, data)

    def recoded(self, key: str, data: bytes) -> bytes:
        """An entry in the format that is written now, with the expiry that it has: ``data`` itself
        where it has that format already. Raises whatever reading or writing raises."""
        return self.codec.recoded(key, data)

    def unwrap_many(self, keys: Sequence[str], replies: Sequence[Any]) -> list[Any]:
        """``unwrap`` for the replies of a batch; MISSING for what is not there or failed."""
        unwrap = self.unwrap
        return [
            MISSING if data is None or isinstance(data, Exception) else unwrap(key, data)
            for key, data in zip(keys, self.codec.counted(replies), strict=True)
        ]
