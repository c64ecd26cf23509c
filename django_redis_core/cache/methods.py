"""The methods of a cache and its pipelines, made out of the operations.

An operation is listed nowhere but where it is declared: what the core declares becomes methods of
the classes below when this module is imported, what a plugin declares becomes methods of the
caches that have the plugin. Type checkers and editors read ``methods.pyi``, which
``python -m django_redis_core.cache.stub`` writes; a test holds it against the declarations.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cached_property
from types import GenericAlias
from typing import Any, get_args

from .._operations.declare import Declaration
from ..interfaces import OPERATIONS
from .result import Result

Method = Callable[..., Any]


def blocking(declaration: Declaration) -> Method:
    """The method that runs an operation and waits for it."""
    name = declaration.name

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "client" in kwargs:
            return self._on(kwargs).call(name, args, kwargs)
        return self._driver.call(name, args, kwargs)

    return _named(method, name, _CacheSignature(declaration))


def native(declaration: Declaration) -> Method:
    """The coroutine method that runs an operation on asyncio, without a thread."""
    name = declaration.name

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "client" in kwargs:
            return await self._on(kwargs).acall(name, args, kwargs)
        return await self._driver.acall(name, args, kwargs)

    return _named(method, f"a{name}", _CacheSignature(declaration))


def iterating(declaration: Declaration) -> Method:
    """The method that iterates over what an operation finds, as it finds it."""
    name = declaration.name

    def method(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        return self._on(kwargs).iterate(name, args, kwargs)  # type: ignore[no-any-return]

    return _named(method, name, _CacheSignature(declaration))


def aiterating(declaration: Declaration) -> Method:
    """The same for ``async for``."""
    name = declaration.name

    def method(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        return self._on(kwargs).aiterate(name, args, kwargs)  # type: ignore[no-any-return]

    return _named(method, f"a{name}", _CacheSignature(declaration, iterator=AsyncIterator))


def immediate(declaration: Declaration) -> Method:
    """The asyncio method of an operation that needs no I/O, so there is nothing to await."""
    name = declaration.name

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._immediate_driver.call(name, args, kwargs)

    return _named(method, f"a{name}", _CacheSignature(declaration))


def queued(declaration: Declaration) -> Method:
    """The pipelines' method for an operation."""
    name = declaration.name

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._queue(name, args, kwargs)

    return _named(method, name, _QueuedSignature(declaration))


def methods(declaration: Declaration) -> dict[str, Method]:
    """The methods of a cache for an operation, by name: ``get`` and ``aget``."""
    if declaration.stream:
        found = iterating(declaration), aiterating(declaration)
    elif declaration.immediate:
        found = blocking(declaration), immediate(declaration)
    else:
        found = blocking(declaration), native(declaration)
    return {method.__name__: method for method in found}


def _named(method: Any, name: str, signature: inspect.Signature) -> Method:
    method.__name__ = name
    method.__qualname__ = f"RedisCache.{name}"
    # Tracers and profilers name a call by its code.
    method.__code__ = method.__code__.replace(co_name=name, co_qualname=method.__qualname__)
    method.__doc__ = signature.doc  # type: ignore[attr-defined]
    # Not __wrapped__, by which inspect would find the generator function.
    method.__signature__ = signature
    return method  # type: ignore[no-any-return]


class _Signature(inspect.Signature):
    """The signature of a method, worked out when somebody looks: at import, all of them would take
    longer than the rest of this package.

    Both names are those of ``inspect.Signature``, whose methods read them.
    """

    __slots__ = ("__dict__", "_declaration", "doc")

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self.doc = declaration.function.__doc__

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]
        """A plain one: what is changed is no declaration's any more."""
        return self._plain.replace(**changes)

    @property
    def _plain(self) -> inspect.Signature:
        return inspect.Signature(
            list(self._parameters.values()), return_annotation=self._return_annotation
        )

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        return dict(self._declaration.signature.parameters)

    @cached_property
    def _return_annotation(self) -> Any:
        """What the operation returns: the last of ``Generator``'s three types."""
        function = self._declaration.function
        try:
            returns = inspect.get_annotations(function, eval_str=True).get("return")
        except NameError:  # it names what is imported for type checkers alone
            return inspect.Signature.empty
        return get_args(returns)[-1] if get_args(returns) else inspect.Signature.empty


class _CacheSignature(_Signature):
    __slots__ = ("_iterator",)

    def __init__(self, declaration: Declaration, iterator: Any = Iterator) -> None:
        super().__init__(declaration)
        self._iterator = iterator

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        parameters = dict(self._declaration.signature.parameters)
        rest = parameters.popitem()[1] if _has_rest(parameters) else None
        parameters["client"] = inspect.Parameter(
            "client", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Any
        )
        if rest is not None:
            parameters[rest.name] = rest
        return parameters

    @cached_property
    def _return_annotation(self) -> Any:
        if self._declaration.stream:
            return self._iterator[Any]
        return super()._return_annotation


class _QueuedSignature(_Signature):
    __slots__ = ()

    @cached_property
    def _return_annotation(self) -> Any:
        if self._declaration.stream:
            return GenericAlias(Result, list[Any])
        returns = super()._return_annotation
        return (
            Result[Any] if returns is inspect.Signature.empty else Result.__class_getitem__(returns)
        )


def _has_rest(parameters: dict[str, inspect.Parameter]) -> bool:
    return next(reversed(parameters.values())).kind is inspect.Parameter.VAR_KEYWORD


class Methods:
    """The operations as a cache has them, blocking and for asyncio."""


class QueuedMethods:
    """The operations as pipelines have them: each returns a ``Result``."""


for _declaration in OPERATIONS.values():
    for _name, _method in methods(_declaration).items():
        setattr(Methods, _name, _method)
    setattr(QueuedMethods, _declaration.name, queued(_declaration))
