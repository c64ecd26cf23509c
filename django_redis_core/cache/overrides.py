"""What a subclass of the backend overrides, and what is replaced on one object.

Looked at when an object is made and when an attribute of it is set, and never by a call: a plain
object has its engine's own driver, and another one has a driver that knows whom to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getattr_static
from types import FunctionType, MethodType
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.core.cache.backends.base import BaseCache

from ..interfaces import OPERATIONS
from .contract import Contract
from .delegation import AMADE_OF, NEVER_IN_THREADS
from .methods import Methods

#: What decides over keys and times. Where one of them is overridden, all operations ask it.
KEYS_AND_TIMES: Final = frozenset(
    "make_key make_pattern validate_key make_and_validate_key get_backend_timeout "
    "key_prefix version key_func default_timeout".split()
)

#: The members of a backend that count when they are overridden, as they are in this package.
PLAIN: Final[Mapping[str, Any]] = {
    **{name: member for name, member in vars(Methods).items() if type(member) is FunctionType},
    **{name: getattr_static(Contract, name) for name in KEYS_AND_TIMES},
}

#: Django's own operations with their code, which some tracers replace and keep the function.
_WATCHED: Final = [vars(Methods)[name] for name in OPERATIONS if hasattr(BaseCache, name)]
_CODES: Final = [method.__code__ for method in _WATCHED]

_found: WeakKeyDictionary[type, tuple[list[int], frozenset[str]]] = WeakKeyDictionary()


def is_untouched(backend: type, size: int) -> bool:
    """Whether nobody has replaced a method of the backend's own class, of ``size`` attributes.

    Python tells nobody when that happens, but the class has an attribute more, or the method has
    other code. So it is found by the objects that are made afterwards.
    """
    return len(backend.__dict__) == size and [method.__code__ for method in _WATCHED] == _CODES


def of_class(cls: type) -> frozenset[str]:
    """The names that a subclass of the backend has members of its own for, also those that were
    replaced on a class before the object was made that asks."""
    sizes = [len(base.__dict__) for base in cls.__mro__]
    found = _found.get(cls)
    if found is None or found[0] != sizes:
        found = _found[cls] = sizes, _of_class(cls)
    wrapped = [
        method.__name__
        for method, code in zip(_WATCHED, _CODES, strict=True)
        if method.__code__ is not code
    ]
    return found[1].union(wrapped) if wrapped else found[1]


def _of_class(cls: type) -> frozenset[str]:
    *site, backend = cls.__mro__[: cls.__mro__.index(Methods)]
    members: dict[str, Any] = {}
    for base in site:
        members = {**vars(base), **members}
    for name, member in vars(backend).items():
        if name in PLAIN:  # replaced on the backend itself, which has none of these
            members.setdefault(name, member)
    # A base class behind the backend may come before Django's.
    members.update((name, getattr_static(cls, name)) for name in KEYS_AND_TIMES)
    return frozenset(
        name
        for name, member in members.items()
        if not name.startswith("__") and member is not PLAIN.get(name)
    )


def of_object(cache: Contract) -> frozenset[str]:
    """The same for an object, whose own attributes come before those of its class."""
    own = {name: value for name, value in vars(cache).items() if not _is_plain(cache, name, value)}
    return of_class(type(cache)).union(own)


def _is_plain(cache: Contract, name: str, value: Any) -> bool:
    """Whether an attribute is what the object would have without it, such as a method that was put
    back. Django's attributes are data descriptors of the backend, or values that count as ever."""
    if name in KEYS_AND_TIMES and not callable(value):
        return True
    return (
        isinstance(value, MethodType)
        and value.__self__ is cache
        and value.__func__ is getattr_static(type(cache), name, None)
    )


def costs_of(cls: type) -> tuple[list[str], list[str]]:
    """What a subclass of the backend overrides, and what is slower for it, in words."""
    overridden = of_class(cls) & PLAIN.keys()
    names = sorted(overridden)
    blocking = [name for name in names if name in OPERATIONS]
    costs = []
    if threads := [
        f"a{name}"
        for name in blocking
        if name not in NEVER_IN_THREADS
        and f"a{name}" not in overridden
        and not OPERATIONS[name].immediate
    ]:
        costs.append(f"{', '.join(threads)}: a blocking call in a thread")
    if made := [
        name for name, parts in AMADE_OF.items() if parts & overridden and name not in overridden
    ]:
        costs.append(f"{', '.join(made)}: several calls, as Django's are, and no atomic one")
    if KEYS_AND_TIMES & overridden:
        costs.append("each key and timeout: asked for by a call, also in get_many and pipelines")
    if not KEYS_AND_TIMES.issuperset(overridden):
        costs.append("pipelines and cache.client: they pass these overrides by")
    return names, costs
