"""Operations that a client plugin adds, and keywords that it adds to those that are there."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, Operation
from django_redis_core.interfaces import OPERATIONS, Client, always, operation
from django_redis_core.testing import ClientContract
from django_redis_core.testing.caller import WAYS, Caller, new_loop
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

from .tags_client import TagsClient, registered


class TestTags(ClientContract):
    """The plugin passes the kit, which calls what it adds in every way."""

    name = registered()
    examples: ClassVar = [
        ("set", ["page", "html"], {"tags": ["menu", "author"]}),
        ("add", ["page", "text"], {"tags": ["menu"]}),
        ("invalidate_tags", ["menu", "unknown"], {}),
        ("get", ["page"], {}),
        ("invalidate_tags", ["menu"], {"version": 2}),
    ]


STACKS: dict[str, list[Any]] = {
    "alone": [TagsClient],
    "near": ["near", TagsClient],
    "herd": [TagsClient, "herd"],
    "shard": [TagsClient, "shard"],
    "all": ["near", TagsClient, "herd", "shard"],
}
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def call(way: str, make_cache: MakeCache) -> Any:
    with new_loop() as loop:
        yield lambda options, **entry: Caller(make_cache(options, **entry), way, loop)


@pytest.mark.parametrize("stack", STACKS)
def test_an_added_operation_is_called_in_every_way(
    call: Any, stack: str, redis_server: Server
) -> None:
    options: dict[str, Any] = {"CLIENT": STACKS[stack]}
    entry: dict[str, Any] = {}
    if "shard" in STACKS[stack]:
        entry["LOCATION"] = [f"{redis_server.url[:-1]}{db}" for db in (2, 3)]
    cache = call(options, **entry)
    assert cache.run("set", "page", "html", tags=["author", "menu"]) is True
    assert cache.run("add", "other", 2, tags=["author"]) is True
    assert cache.run("set", "plain", 3) is True
    assert cache.get_many(["page", "other", "plain"]) == {"page": "html", "other": 2, "plain": 3}
    assert cache.run("invalidate_tags", "menu", "unknown") == 1
    assert cache.get_many(["page", "other", "plain"]) == {"other": 2, "plain": 3}
    assert cache.run("invalidate_tags", "author") == 1
    assert cache.get("other") is None


def test_in_an_outage_it_has_its_own_fallback(call: Any) -> None:
    cache = call({"CLIENT": ["near", TagsClient], "IGNORE_EXCEPTIONS": True}, LOCATION=NOWHERE)
    assert cache.run("invalidate_tags", "menu") == 0
    assert cache.run("set", "page", "html", tags=["menu"]) is False
    assert cache.run("set", "page", "html") is False
    with pytest.raises(TypeError, match="labels"):
        cache.run("set", "page", "html", labels=["menu"])


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    return make_cache({"CLIENT": TagsClient})


def test_it_is_shown_as_other_methods_are(cache: RedisCache) -> None:
    for owner, names in (
        (cache, ("invalidate_tags", "ainvalidate_tags")),
        (cache.pipeline(), ("invalidate_tags",)),
        (cache.apipeline(), ("invalidate_tags",)),
    ):
        for name in names:
            assert name in dir(owner)
            method = getattr(owner, name)
            assert method.__name__ == name
            assert inspect.getdoc(method) == inspect.getdoc(TagsClient.invalidate_tags)
            assert list(inspect.signature(method).parameters)[:2] == ["tags", "version"]
    assert inspect.signature(cache.invalidate_tags).return_annotation is int  # type: ignore[attr-defined]
    assert inspect.iscoroutinefunction(cache.ainvalidate_tags)  # type: ignore[attr-defined]


def test_a_name_that_nobody_declares_is_no_attribute(cache: RedisCache) -> None:
    for owner in (cache, cache.pipeline(), cache.apipeline()):
        assert not hasattr(owner, "invalidate_labels")
        with pytest.raises(AttributeError, match="invalidate_labels"):
            _ = owner.invalidate_labels  # type: ignore[union-attr]


def test_a_wrong_argument_belongs_to_its_line(cache: RedisCache) -> None:
    with cache.pipeline() as queue:
        with pytest.raises(TypeError):
            queue.set("page", "html", labels=["menu"])  # type: ignore[call-arg]
        assert len(queue) == 0


def test_a_declaration_is_of_the_caches_that_have_the_client(make_cache: MakeCache) -> None:
    """Imported it is nothing: no other cache has the operation or its fallback."""

    class Mine(Client):
        name = "mine"

        @operation(fallback=lambda arguments: "mine")
        def get(self, key: Any, default: Any = None, version: Any = None) -> Operation[Any]:
            return (yield from super().get(key, default, version))

        @operation(fallback=always(str))
        def length(self, key: Any) -> Operation[int]:
            """How long the entry is."""
            return len((yield GET(self.naming.make(key))))

    ignoring = {"IGNORE_EXCEPTIONS": True}
    plain = make_cache(ignoring, LOCATION=NOWHERE)
    mine = make_cache({**ignoring, "CLIENT": Mine}, LOCATION=NOWHERE)
    assert plain.get("k", "default") == "default"
    assert mine.get("k", "default") == "mine"
    assert not hasattr(plain, "length")
    assert mine.length("k") == ""  # type: ignore[attr-defined]
    assert "length" not in OPERATIONS


class Rival(Client):
    name = "rival"

    @operation(fallback=None)
    def invalidate_tags(self, *tags: str) -> Operation[None]:
        """Another one."""
        yield from ()


class Narrow(Client):
    name = "narrow"

    def set(
        self, key: Any, value: Any, timeout: Any = None, version: Any = None, *, nx: Any = False
    ) -> Operation[bool]:
        return (yield from super().set(key, value, timeout, version, nx=nx))


def taking(name: str) -> type[Client]:
    def method(self: Any) -> Operation[None]:
        """Nothing."""
        yield from ()

    method.__name__ = name
    members = {"name": "taking", name: operation(fallback=None)(method)}
    return type("Taking", (Client,), members)


@pytest.mark.parametrize(
    ("clients", "words"),
    [
        (
            [TagsClient, Rival],
            "CLIENT: 'labels' and 'rival' both declare the operation 'invalidate_tags', which can",
        ),
        (
            [Narrow, TagsClient],
            "which 'labels' adds to set(). Write ['labels', 'narrow'], or let set() of 'narrow'",
        ),
        (["herd", TagsClient], "'herd' stands outside of 'labels' and cannot hand on tags="),
        ([taking("pipeline")], "the client 'taking' declares the operation 'pipeline', but"),
        ([taking("close")], "'close' is no name for one: a cache has it already"),
        ([taking("aget")], "'aget' is no name for one"),
        ([taking("lias")], "'alias' is no name for one"),
        ([taking("_hidden")], "'_hidden' is no name for one"),
    ],
)
def test_what_cannot_work_together_is_refused_when_the_cache_is_built(
    make_cache: MakeCache, clients: list[Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        make_cache({"CLIENT": clients}).get("k")
    assert words in str(caught.value)
