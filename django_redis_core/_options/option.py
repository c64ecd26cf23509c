"""How an option is described, so that it is checked, documented and listed from one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .._interrupts import struck
from .deprecation import Deprecation

Check = Callable[[Any], Any]
"""Returns the value to use, or raises ValueError with the words that finish "must be …"."""

#: What a check returns for "as if it were not written".
UNSET: Final = object()


@dataclass(frozen=True, slots=True)
class Option:
    """One name in ``OPTIONS``.

    ``keyword`` is the field or constructor argument that gets it, ``check`` makes it of what is
    written, ``setting`` is the global Django setting that gives it when the cache does not, ``doc``
    one line with its unit. ``default`` is what listings show; the constructor has its own. An
    option that is ``deprecated`` works and warns.
    """

    name: str
    keyword: str
    check: Check
    default: Any = None
    setting: str | None = None
    doc: str = ""
    deprecated: Deprecation | None = None


_BOOLEANS: Final = {"true": True, "false": False}


def boolean(value: Any) -> bool:
    """A check: True or False, and not 1 or 0. "true" and "false", in capitals too, are what an
    environment and a URL can hold."""
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def text(value: Any) -> str:
    """A check: a str, also an empty one."""
    if not isinstance(value, str):
        raise ValueError("a str")
    return value


def integer(minimum: int | None = None) -> Check:
    """A check: an int of ``minimum`` or more, and of 64 bits, which is what servers and libraries
    count with. A bool is none."""
    words = "an int" if minimum is None else f"an int of at least {minimum}"

    def check(value: Any) -> int:
        if type(value) is not int or (minimum is not None and value < minimum):
            raise ValueError(words)
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"{words} that fits into 64 bits")
        return value

    return check


def seconds(value: Any) -> float:
    """A check: a time that something may take, an int or float in seconds, never 0, which redis-py
    would take as "do not wait"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise ValueError("a number of seconds above 0")
    return value


def waiting(value: Any) -> float:
    """A time to wait for a turn, where 0 is "not at all"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError("a number of seconds, 0 or more")
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """A check: a dict with str keys. The value is a copy, so that nobody changes the one in
    settings."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError("a dict with str keys")
    return dict(value)


def one_of(*choices: Any) -> Check:
    """A check: one of ``choices``, of its type too."""
    words = " or ".join(repr(choice) for choice in choices)

    def check(value: Any) -> Any:
        # By type too: 1 is not True here, and what cannot be compared is no choice.
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            raise ValueError(words)
        return value

    return check


def names_or_all(value: Any) -> tuple[str, ...] | str:
    """A check: "all", or a list of names, also an empty one. The value is a tuple then."""
    if isinstance(value, str) and value == "all":
        return value
    if not isinstance(value, list | tuple | set | frozenset) or not all(
        isinstance(name, str) for name in value
    ):
        raise ValueError("'all' or a list of names")
    return tuple(value)


def importable(value: Any) -> Any:
    """A class or function, or the dotted path of one."""
    from django.utils.module_loading import import_string

    if isinstance(value, str):
        try:
            value = import_string(value)
        except Exception as error:  # whatever the module of a site does when it is imported
            if struck(error):
                raise
            raise ValueError(
                "a class, a function or the dotted path of one, and importing it failed with "
                f"{type(error).__name__}: {error}"
            ) from error
    if not callable(value):
        raise ValueError("a class, a function or the dotted path of one")
    return value


def addresses(value: Any) -> tuple[tuple[str, int], ...]:
    """A check: a list of ``(host, port)``, at least one. The value is a tuple of ``(str, int)``."""
    words = 'a list of (host, port), for example [("sentinel-1", 26379)]'
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(words)
    if not value:
        raise ValueError(f"{words}, or be left out; it is empty")
    checked = []
    for pair in value:
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise ValueError(words)
        host, port = pair
        if not isinstance(host, str) or not host or type(port) not in (int, str):
            raise ValueError(words)
        if not (text_port := str(port)).isdecimal() or not 0 < int(text_port) < 65536:
            raise ValueError(words)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]  # of IPv6, as in a URL
        checked.append((host, int(text_port)))
    return tuple(checked)


def address_remap(value: Any) -> Any:
    """A check: None, a dict of addresses, or a function that is given one, or its dotted path.
    The value is None, or a function that ``remapped`` takes."""
    words = (
        "a dict of addresses, such as {('10.0.0.1', 6379): ('localhost', 7001)}, or a function "
        "that is given (host, port) and returns the like, or its dotted path"
    )
    if value is None:
        return None
    try:
        if isinstance(value, Mapping):
            table = dict(zip(addresses(list(value)), addresses(list(value.values())), strict=True))
            return lambda address: table.get(address, address)
        if isinstance(value, str):
            value = import_string(value)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{words} ({error})") from error
    if not callable(value):
        raise ValueError(words)
    return value


def remapped(
    remap: Callable[[tuple[str, int]], Any] | None, address: tuple[str, int], where: str
) -> tuple[str, int]:
    """``address``, as servers speak of each other, from where this process is. Raises
    ImproperlyConfigured, which names the entry ``where``, for a function that returns no address.
    """
    if remap is None:
        return address
    mapped = remap(address)
    match mapped:
        case (str() as host, int() as port):
            return host, port
    raise ImproperlyConfigured(
        f"{where}: ADDRESS_REMAP must return (host, port), such as ('localhost', 7001); for "
        f"{address!r} it returned {mapped!r}."
    )


def optional(check: Check) -> Check:
    """A check: as ``check``, and None means "as if it were not written", so the default holds."""
    return lambda value: UNSET if value is None else check(value)


def constructor_keywords(taker: type[Any]) -> set[str]:
    """The options that a class takes: its constructors' keyword arguments, along the base
    classes for as long as they hand on what they do not know."""
    names: set[str] = set()
    for base in taker.__mro__[:-1]:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        names |= {
            parameter.name
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return names - {"context", "connection"}


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """A question for the name that was probably meant, with a space before it, or nothing."""
    upper = {other.upper(): other for other in known}
    close = get_close_matches(name.upper(), sorted(upper), 1, cutoff)
    return f" Did you mean {upper[close[0]]!r}?" if close else ""
