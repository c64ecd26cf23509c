"""Calls a client's operations for one cache, and answers for servers in trouble.

The guard is here, in the one place that every operation passes: it turns server trouble into the
operation's answer when the site ignores such exceptions.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from inspect import isawaitable
from types import MethodType
from typing import Any, TypeVar, cast

from .. import signals
from .._codec.codec import MISSING
from .._operations import direct
from .._operations.declare import Declaration, Fallback
from ..commands import Operation
from ..commands.running import AExecute, Execute, arun, astream, run, stream
from ..exceptions import ConnectionInterrupted
from ..interfaces import Client
from .mistakes import SYMPTOMS, explained

_E = TypeVar("_E", bound=Callable[..., Any])

_RAISE_ALL: Mapping[str, Fallback] = {}


class Driver:
    """Runs the operations of one client and answers for servers in trouble.

    ``client`` has the operations, ``operations`` are their declarations; ``execute`` and
    ``aexecute`` answer their requests. ``answers`` are those of operations in trouble, by name,
    where the site ignores that.
    """

    def __init__(
        self,
        alias: str,
        client: Client,
        operations: Mapping[str, Declaration],
        execute: Execute,
        aexecute: AExecute,
        *,
        answers: Mapping[str, Fallback] = _RAISE_ALL,
        logger: logging.Logger | None = None,
        level: str = "ERROR",
    ) -> None:
        self.alias = alias
        self.client = client
        self.operations = operations
        self.aexecute = _called_quickly(aexecute)
        self.answers = answers
        self.logger = logger
        self.level: int = getattr(logging, level)
        self.at_once = client.at_once
        #: What begins an operation, by its name: the client itself, where it does not look at all.
        self.begin: Any = client
        #: The operations that no client has changed, as functions that need no generator.
        self.direct: Mapping[str, Callable[..., Any]] = {}
        self.adirect: Mapping[str, Callable[..., Any]] = {}
        if type(client).around is not Client.around:
            self.begin = _Surrounded(client)
        else:
            names = [name for name, parts in direct.MADE_OF.items() if _are_plain(client, parts)]
            self.direct = {name: getattr(direct, name) for name in names}
            self.adirect = {name: getattr(direct, f"a{name}") for name in names}
        self.execute = execute

    @property
    def execute(self) -> Execute:
        """What answers requests in blocking code."""
        return self._execute

    @execute.setter
    def execute(self, execute: Execute) -> None:
        self._execute = execute
        self._ask = _called_quickly(execute)

    def call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        try:
            if self.at_once and name in self.at_once:
                at_once = self.at_once[name]
                # Keywords are copied, also where there are none.
                answer = at_once(*args, **kwargs) if kwargs else at_once(*args)
                if answer is not MISSING:
                    return answer
            if name in self.direct:
                return self.direct[name](self.client, self._ask, *args, **kwargs)
            return run(getattr(self.begin, name)(*args, **kwargs), self._ask)
        except ConnectionInterrupted as trouble:
            return self.guard(name, args, kwargs, trouble)
        except SYMPTOMS as error:
            self._refuse(name, args, kwargs, error)
            self.explain(name, error)
            raise

    async def acall(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        try:
            if self.at_once and name in self.at_once:
                at_once = self.at_once[name]
                # Keywords are copied, also where there are none.
                answer = at_once(*args, **kwargs) if kwargs else at_once(*args)
                if answer is not MISSING:
                    return answer
            if name in self.adirect:
                return await self.adirect[name](self.client, self.aexecute, *args, **kwargs)
            return await arun(getattr(self.begin, name)(*args, **kwargs), self.aexecute)
        except ConnectionInterrupted as trouble:
            answer = self.guard(name, args, kwargs, trouble)
            return await answer if isawaitable(answer) else answer
        except SYMPTOMS as error:
            self._refuse(name, args, kwargs, error)
            self.explain(name, error)
            raise

    def iterate(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Any]:
        try:
            yield from stream(getattr(self.begin, name)(*args, **kwargs), self.execute)
        except ConnectionInterrupted as trouble:
            yield from self.guard(name, args, kwargs, trouble)
        except SYMPTOMS as error:
            self.explain(name, error)
            raise

    async def aiterate(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        try:
            async for item in astream(getattr(self.begin, name)(*args, **kwargs), self.aexecute):
                yield item
        except ConnectionInterrupted as trouble:
            for item in self.guard(name, args, kwargs, trouble):
                yield item
        except SYMPTOMS as error:
            self.explain(name, error)
            raise

    def _refuse(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception
    ) -> None:
        """Says what is wrong with a call's arguments as the operation itself does, where none of
        its lines has run."""
        if name in self.direct and error.__traceback__ and error.__traceback__.tb_next is None:
            getattr(self.begin, name)(*args, **kwargs)

    def explain(self, name: str, error: Exception) -> None:
        """Raises what a plugin has done wrong, where ``error`` comes of that. It is asked
        afterwards, so that no call pays for it."""
        found = self.explained(name, error)
        if found is not error:
            raise found

    def explained(self, name: str, error: Exception) -> Exception:
        """``error``, or in its place one that says what a plugin has done wrong."""
        if not isinstance(error, SYMPTOMS):
            return error
        words = explained(error, name, self.client)
        if not words:
            return error
        found = TypeError(f"CACHES[{self.alias!r}]: {words}")
        found.__cause__ = error
        return found

    def guard(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        trouble: ConnectionInterrupted,
    ) -> Any:
        """The operation's answer, or ``trouble`` again where it has none: the site wants to know,
        or the operation fails closed."""
        answer = self.answers.get(name)
        if answer is None:
            raise trouble
        if self.logger is not None:
            self.logger.log(self.level, "Exception ignored", exc_info=trouble)
        signals.exception_ignored.send_robust(sender=self.alias, operation=name, exception=trouble)
        return answer(self.operations[name].arguments(args, kwargs, trouble))


def _called_quickly(execute: _E) -> _E:
    """A method is called in half the time that it takes to find an object's ``__call__``."""
    method = getattr(execute, "__call__", None)  # noqa: B004
    return cast("_E", method) if isinstance(method, MethodType) else execute


def _are_plain(client: Client, names: Sequence[str]) -> bool:
    """Whether these methods are the core's own, of the class and of the object."""
    return not any(
        getattr(type(client), name) is not getattr(Client, name) or name in vars(client)
        for name in names
    )


class _Surrounded:
    """The operations of a client that looks at all of them, each as its ``around`` gives it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Operation[Any]]:
        begin: Callable[..., Operation[Any]] = getattr(self._client, name)
        around = self._client.around
        if name in self._client.not_around:
            vars(self)[name] = begin
            return begin

        def surrounded(*args: Any, **kwargs: Any) -> Operation[Any]:
            return around(name, begin(*args, **kwargs))

        vars(self)[name] = surrounded  # the next call finds it without a look here
        return surrounded
