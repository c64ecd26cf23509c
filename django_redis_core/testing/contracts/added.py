"""What a client plugin promises of the operations, and of the keywords, that it adds."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from ..._operations.declare import Declaration, declared, own_keywords
from ..._plugins.registry import registry
from ...exceptions import ConnectionInterrupted
from ...interfaces import OPERATIONS, Client
from ..fixtures import MakeCache
from ..operations.suite import Make, Suite

Example = tuple[str, Sequence[Any], Mapping[str, Any]]

#: No server listens on this port.
NOWHERE = "redis://127.0.0.1:1/0"


class AddedOperations(Suite):
    """A client that adds operations, or keywords to the core's, shows each in ``examples``::

        examples = [
            ("set", ["page", "html"], {"tags": ["menu"]}),
            ("invalidate_tags", ["menu"], {}),
        ]

    They are called in this order in each of the four ways, and must return the same in all of them.
    """

    examples: ClassVar[Sequence[Example]] = ()

    @pytest.fixture
    def added(self) -> dict[str, Declaration]:
        """The operations that the plugin declares and the core does not have."""
        plugin = registry.plugin("client", self.name, type(self).__name__)
        found = declared(plugin)
        return {name: found[name] for name in found if name not in OPERATIONS}

    def test_each_added_operation_says_what_it_does(self, added: dict[str, Declaration]) -> None:
        silent = [name for name, found in added.items() if not found.function.__doc__]
        assert not silent, f"{silent}: write a docstring, which is what help() and editors show"

    def test_what_is_added_has_examples(self, added: dict[str, Declaration]) -> None:
        shown = {name for name, _, _ in self.examples}
        missing = [name for name in added if name not in shown]
        assert not missing, (
            f"{missing}: give `examples` of {type(self).__name__} a call of each operation that "
            'the client adds, such as ("invalidate_tags", ["menu"], {})'
        )
        given = {(name, keyword) for name, _, keywords in self.examples for keyword in keywords}
        plugin = registry.plugin("client", self.name, type(self).__name__)
        lacking = [
            f"{name}({keyword}=…)"
            for name, keyword in added_keywords(plugin)
            if (name, keyword) not in given
        ]
        assert not lacking, f"{lacking}: give `examples` of {type(self).__name__} a call of each"

    def test_examples_return_the_same_in_every_way(
        self, make: Make, make_cache: MakeCache, location: Any, options: Mapping[str, Any]
    ) -> None:
        here = make(KEY_PREFIX="kit-examples-here")
        every = {self.part: self.name, **options}
        plain = make_cache(every, LOCATION=location, KEY_PREFIX="kit-examples-plain")
        for name, args, kwargs in self.examples:
            expected = _plain(getattr(plain, name)(*args, **kwargs))
            found = here.run(name, *args, **kwargs)
            assert not inspect.isgenerator(found), f"{name}() returned a generator"
            assert found == expected, (
                f"{name}() returned {found!r} {here.way}, and {expected!r} in blocking code"
            )

    def test_examples_in_an_outage(self, make: Make, added: dict[str, Declaration]) -> None:
        """Each has the fallback that is declared, or raises where there is none and settings ask
        for none; an argument that is added is no TypeError there."""
        if not self.examples:
            return  # nothing is added, as the test above has seen
        down = make({"IGNORE_EXCEPTIONS": True}, LOCATION=NOWHERE)
        asked = {"IGNORE_EXCEPTIONS": True, "IGNORE_EXCEPTIONS_FOR": "all"}
        answering = make(asked, LOCATION=NOWHERE)
        every = {**OPERATIONS, **added}
        for name, args, kwargs in self.examples:
            if every[name].fallback is None:
                with pytest.raises(ConnectionInterrupted):
                    down.run(name, *args, **kwargs)
                if not every[name].immediate:
                    answering.run(name, *args, **kwargs)
            else:
                down.run(name, *args, **kwargs)


def added_keywords(client: type[Client]) -> list[tuple[str, str]]:
    """(operation, keyword) of what a client's overrides take and the declaration does not."""
    found = []
    for name, declaration in declared(client).items():
        known = inspect.signature(declaration.function).parameters
        if name in OPERATIONS:
            found += [
                (name, parameter.name)
                for parameter in own_keywords(getattr(client, name))
                if parameter.name not in known
            ]
    return found


def _plain(value: Any) -> Any:
    return list(value) if inspect.isgenerator(value) else value
