"""Python's pickle, the default serializer."""

from __future__ import annotations

import pickle
from typing import Any

from ..hookspecs import hookimpl
from ..interfaces.serializer import Serializer
from ..options_spec import Option, integer, optional


class PickleSerializer(Serializer):
    """Any Python object. Whoever can write to the server can run code here: use a sealer, or
    another serializer, where that is not only this site."""

    name = "pickle"
    options = (
        Option(
            "PICKLE_VERSION",
            "protocol",
            optional(integer(-1)),
            None,
            doc="The pickle protocol; -1 is the highest that this Python has. "
            "Default: `pickle.DEFAULT_PROTOCOL`.",
        ),
    )

    def __init__(self, protocol: int | None = None) -> None:
        if protocol is not None and protocol > pickle.HIGHEST_PROTOCOL:
            raise ValueError(
                f"PICKLE_VERSION must be at most {pickle.HIGHEST_PROTOCOL}, the highest protocol "
                f"of this Python, not {protocol}"
            )
        self.protocol = pickle.DEFAULT_PROTOCOL if protocol is None else protocol

    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value, self.protocol)

    def recognises(self, data: bytes) -> bool:
        return data.endswith(pickle.STOP)

    loads = staticmethod(pickle.loads)  # type: ignore[assignment]


@hookimpl
def register_serializer() -> type[Serializer]:
    return PickleSerializer
