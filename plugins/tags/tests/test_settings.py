"""How tags are written in settings and calls, and what is said of what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.calls import watched

Make = Callable[..., RedisCache]
NOWHERE = "redis://127.0.0.1:1/0"

BAD_TAGS: list[tuple[Any, type[Exception], str]] = [
    ("menu", TypeError, "tags are a list of names, not 'menu': write ['menu']."),
    (b"menu", TypeError, "tags are a list of names, not b'menu'"),
    ({"menu": 1}, TypeError, "tags are a list of names"),
    (3, TypeError, "tags are a list of names, not 3"),
    (None, TypeError, "tags are a list of names, not None"),
    ([3], TypeError, "tags are names, of type str, not 3: write its str()."),
    (["a", None], TypeError, "tags are names, of type str, not None"),
    ([""], ValueError, "tags have 1 to 200 bytes as UTF-8, and '' has 0"),
    (["x" * 201], ValueError, "has 201: give it a shorter name"),
    (["é" * 101], ValueError, "has 202: give it a shorter name"),
    (["\ud800"], ValueError, "tags are text that UTF-8 can encode"),
    ([str(number) for number in range(65)], ValueError, "tags are 64 at most, not 65"),
]


@pytest.mark.parametrize(("tags", "error", "words"), BAD_TAGS)
def test_bad_tags_are_refused_before_anything_is_sent(
    make_cache: Make, tags: Any, error: type[Exception], words: str
) -> None:
    # With a server that is not there, which whoever asks it would notice.
    cache: Any = make_cache({"CLIENT": "tags"}, LOCATION=NOWHERE)
    calls: list[Callable[[], Any]] = [
        lambda: cache.set("k", 1, tags=tags),
        lambda: cache.add("k", 1, tags=tags),
        lambda: cache.set_many({"k": 1}, tags=tags),
        lambda: cache.set_many({}, tags=tags),
        lambda: cache.get_or_set("k", 1, tags=tags),
        lambda: cache.touch("k", tags=tags),
    ]
    if isinstance(tags, list):
        calls += [lambda: cache.invalidate_tags(*tags), lambda: cache.snapshot_tags(*tags)]
    for call in calls:
        with pytest.raises(error) as caught:
            call()
        assert words in str(caught.value)
        assert "CACHES[" in str(caught.value)


def test_tags_are_any_iterable_of_names(make_cache: Make) -> None:
    cache: Any = make_cache({"CLIENT": "tags"})
    for tags in (["x"], ("x",), {"x"}, frozenset({"x"}), {"x": 1}.keys(), iter(["x"]), ["x", "x"]):
        assert cache.set("k", 1, tags=tags) is True
        assert cache.invalidate_tags("x") == 1
        assert cache.get("k") is None
    for none in ([], (), set()):
        cache.set("k", 1, tags=none)
        assert cache.raw_client().get(cache.make_key("k")) == b"1"


def test_names_may_be_any_text(make_cache: Make) -> None:
    cache: Any = make_cache({"CLIENT": "tags"})
    names = ["a b", "Ünï ✓", "*", "x" * 200, "\x00\n", ":"]
    cache.set("k", "v", tags=names)
    assert cache.get("k") == "v"
    assert cache.invalidate_tags("*") == 1
    assert cache.get("k") is None


def test_a_snapshot_of_another_version_is_refused(make_cache: Make) -> None:
    cache: Any = make_cache({"CLIENT": "tags"})
    snapshot = cache.snapshot_tags("x", version=2)
    with watched(cache) as sent, pytest.raises(ValueError, match="another version or cache"):
        cache.set("k", 1, tags=snapshot)
    assert not sent.requests
    assert cache.set("k", 1, tags=snapshot, version=2) is True
    assert repr(snapshot) == "<TagSnapshot x>"


def test_a_bad_timeout_is_refused_before_anything_is_sent(make_cache: Make) -> None:
    cache: Any = make_cache({"CLIENT": "tags"}, LOCATION=NOWHERE)
    for call in (
        lambda: cache.set("k", 1, "soon", tags=["x"]),
        lambda: cache.set_many({"k": 1}, "soon", tags=["x"]),
        lambda: cache.get_or_set("k", 1, "soon", tags=["x"]),
        lambda: cache.touch("k", "soon", tags=["x"]),
    ):
        with pytest.raises(TypeError, match="timeout"):
            call()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"TAGS_TIMEOUT": 0}, "TAGS_TIMEOUT"),
        ({"TAGS_TIMEOUT": "a month"}, "TAGS_TIMEOUT"),
        ({"TAGS_ON_COMMIT": True}, "'never' or 'invalidate' or 'writes'"),
        ({"TAGS_DATABASE": "nowhere"}, "TAGS_DATABASE must be an alias in DATABASES (default"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    make_cache: Make, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        make_cache({"CLIENT": "tags", **options}).get("k")
    assert words in str(caught.value)


def test_while_the_server_is_down(make_cache: Make) -> None:
    down: Any = make_cache({"CLIENT": "tags", "IGNORE_EXCEPTIONS": True}, LOCATION=NOWHERE)
    assert down.set("k", 1, tags=["x"]) is False
    assert down.set_many({"k": 1}, tags=["x"]) == ["k"]
    assert down.get_or_set("k", lambda: 5, tags=["x"]) == 5
    assert down.touch("k", tags=["x"]) is False
    assert down.get("k", "default") == "default"
    assert down.invalidate_tags("x") == 0
    snapshot = down.snapshot_tags("x")
    assert not snapshot.known
    with pytest.raises(ConnectionInterrupted):
        down.add("k", 1, tags=["x"])
    strict: Any = make_cache({"CLIENT": "tags"}, LOCATION=NOWHERE)
    with pytest.raises(ConnectionInterrupted):
        strict.invalidate_tags("x")
    # Who could not be told the generations stores nothing that anybody sees.
    well: Any = make_cache({"CLIENT": "tags"})
    well.set("k", 1, tags=snapshot)
    assert well.get("k") is None
