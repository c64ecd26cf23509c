"""How the answer of an operation tells what of that which was looked up was there.

Only caches with observers ask, so each way is a pair of steps around the call: what the operation
is given instead, and what its answer then says. The caller notices nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, ClassVar, TypeAlias

from .._codec.codec import MISSING

#: A call's arguments, and what ``ended`` needs to know of it.
Begun: TypeAlias = tuple[Sequence[Any], Mapping[str, Any], Any]

#: The answer for the caller, and how many keys were there and were not.
Ended: TypeAlias = tuple[Any, int, int]


class Lookup:
    """A way to tell hits and misses. One object serves all calls of an operation."""

    __slots__ = ()

    #: Whether observers are shown the arguments that ``begun`` gives, and not the caller's.
    shown: ClassVar[bool] = False

    def of(self, function: Callable[..., Any]) -> Lookup:
        """The same, made for the arguments of ``function``. Raises TypeError where it lacks one."""
        return self

    def begun(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Begun:
        return args, kwargs, None

    def ended(self, answer: Any, state: Any) -> Ended:
        raise NotImplementedError


class _ByArgument(Lookup):
    """Looks at the argument ``name``, which callers give by place or by name."""

    __slots__ = ("name", "place", "value")

    def __init__(self, name: str) -> None:
        self.name = name
        self.place = 1 << 30  # by name only, until a function says otherwise
        self.value: Any = None

    def of(self, function: Callable[..., Any]) -> Lookup:
        code = function.__code__
        named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if self.name not in named:
            raise TypeError(
                f"{function.__qualname__} has no argument {self.name!r}, by which its `lookup` "
                f"is to tell hits; it has {', '.join(named[1:]) or 'none'}."
            )
        made = type(self)(self.name)
        place = named.index(self.name)
        if place < code.co_argcount:
            made.place = place - 1
            left_out = place - code.co_argcount  # counted from the end, as the defaults are
            defaults = function.__defaults__ or ()
            made.value = defaults[left_out] if -left_out <= len(defaults) else None
        else:
            made.value = (function.__kwdefaults__ or {}).get(self.name)
        return made

    def given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the caller gave, or what stands for it."""
        if len(args) > self.place:
            return args[self.place]
        return kwargs.get(self.name, self.value)

    def instead(self, value: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Begun:
        """The call with ``value``; the last is what it stands for."""
        place = self.place
        if len(args) == place:
            if self.name not in kwargs:
                return (*args, value), kwargs, self.value
        elif len(args) > place:
            return (*args[:place], value, *args[place + 1 :]), kwargs, args[place]
        return args, {**kwargs, self.name: value}, kwargs.get(self.name, self.value)


class by_default(_ByArgument):  # read as a function, beside ``always`` and others
    """The operation answers with its argument ``name`` for what is not there: a miss."""

    __slots__ = ()

    def __init__(self, name: str = "default") -> None:
        super().__init__(name)

    def begun(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Begun:
        # A stored value may be equal to the caller's default, and never is this one.
        return self.instead(MISSING, args, kwargs)

    def ended(self, answer: Any, state: Any) -> Ended:
        if answer is MISSING:
            return state, 0, 1
        return answer, 1, 0


class by_keys(_ByArgument):
    """The operation answers with a mapping of those of its argument ``name`` that are there."""

    __slots__ = ()

    shown = True  # what an iterator gave once

    def __init__(self, name: str = "keys") -> None:
        super().__init__(name)

    def begun(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Begun:
        keys = self.given(args, kwargs)
        if not isinstance(keys, Sized):  # an iterator gives them once
            keys = list(keys)
            args, kwargs, _ = self.instead(keys, args, kwargs)
        return args, kwargs, keys

    def ended(self, answer: Any, state: Any) -> Ended:
        hits = len(answer) if isinstance(answer, Sized) else 0
        try:
            asked = len(set(state))
        except TypeError:
            asked = len(state)
        return answer, hits, max(asked - hits, 0)


class by_truth(Lookup):
    """The operation answers whether the key is there."""

    __slots__ = ()

    def ended(self, answer: Any, state: Any) -> Ended:
        return (answer, 1, 0) if answer else (answer, 0, 1)


class by_computing(_ByArgument):
    """The operation uses its argument ``name`` (called, where it is callable) for what is not
    there."""

    __slots__ = ()

    def __init__(self, name: str = "default") -> None:
        super().__init__(name)

    def begun(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Begun:
        used: list[bool] = []
        given = self.given(args, kwargs)

        def noticed() -> Any:
            used.append(True)
            return given() if callable(given) else given

        args, kwargs, _ = self.instead(noticed, args, kwargs)
        return args, kwargs, used

    def ended(self, answer: Any, state: Any) -> Ended:
        return (answer, 0, 1) if state else (answer, 1, 0)


class listed(by_keys):
    """Tells nothing; keys that an iterator gives are made a list, for whoever asks for them."""

    __slots__ = ()

    def ended(self, answer: Any, state: Any) -> Ended:
        return answer, 0, 0
