"""Python's pickle, the default serializer."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Collection
from typing import Any, ClassVar

from ..._options.option import Option, integer, optional
from ...interfaces.serializer import Serializer
from ..hookspecs import hookimpl
from .allow_list import AllowList, NoNames, names


class PickleSerializer(Serializer):
    """Any Python object. Whoever can write to the server can run code here: use a sealer, or
    another serializer, where that is not only this site.

    With ``allow`` only the classes and functions that it names are looked up, and a pickle that
    needs another one is a miss; so is one that sets attributes of a class or function, has
    extension codes, or nests more than 1,000 tuples. That is defence in depth and no sandbox: what
    is named can be called with any arguments, and any attributes can be set on its instances. What
    could not be read again is refused when it is stored, so storing unpickles as well.
    """

    name = "pickle"
    errors: ClassVar[tuple[type[Exception], ...]] = (pickle.PickleError,)
    options = (
        Option(
            "PICKLE_VERSION",
            "protocol",
            optional(integer(-1)),
            None,
            doc="The pickle protocol; -1 is the highest that this Python has. "
            "Default: `pickle.DEFAULT_PROTOCOL`.",
        ),
        Option(
            "PICKLE_ALLOW",
            "allow",
            optional(names),
            None,
            doc="The only classes and functions that a pickle may name, for example "
            '`["decimal.Decimal"]`; a pickle that names another is a miss. What needs no name '
            "(None, bool, int, float, str, bytes, list, tuple, dict, set and frozenset at the "
            "default protocol) is always read. Default: all are allowed.",
        ),
    )

    #: What looks up classes where there is an ``allow``, for plugins that unpickle by themselves.
    find_class: Callable[[str, str], Any]
    #: What such plugins ask before they do: it raises for a pickle that could do harm all the same.
    examine: Callable[[bytes], None]

    def __init__(self, protocol: int | None = None, allow: Collection[str] | None = None) -> None:
        if protocol is not None and protocol > pickle.HIGHEST_PROTOCOL:
            raise ValueError(
                f"PICKLE_VERSION must be at most {pickle.HIGHEST_PROTOCOL}, the highest protocol "
                f"of this Python, not {protocol}"
            )
        self.protocol = pickle.DEFAULT_PROTOCOL if protocol is None else protocol
        self.allow: AllowList | None = None
        if self.protocol == pickle.DEFAULT_PROTOCOL and type(self).dumps is PickleSerializer.dumps:
            self.dumps = pickle.dumps  # type: ignore[assignment]  # a call less for every value
        if allow is not None:
            self._use(AllowList(allow))

    def _use(self, allow: AllowList) -> None:
        self.allow = allow
        vars(self).pop("dumps", None)  # what it writes is looked at
        # On the object alone, so that other caches call pickle.loads itself.
        self.loads = allow.loads  # type: ignore[assignment]
        self.find_class = allow.find_class
        self.examine = allow.examine

    def harmless(self) -> Serializer | None:
        """What needs no class is read; with ``allow`` what it names as well."""
        if type(self).loads is not PickleSerializer.loads:
            return None  # a subclass, which unpickles in a way of its own
        if self.allow is not None:
            return self
        careful = copy.copy(self)
        careful._use(NoNames())
        return careful

    def dumps(self, value: Any) -> bytes:
        data = pickle.dumps(value, self.protocol)
        if self.allow is not None:
            self.allow.loads(data)
        return data

    def recognises(self, data: bytes) -> bool:
        return data.endswith(pickle.STOP)

    loads = staticmethod(pickle.loads)  # type: ignore[assignment]


@hookimpl
def register_serializer() -> type[Serializer]:
    return PickleSerializer
