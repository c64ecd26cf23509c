"""What is said of settings that cannot work, and of calls that a mirror cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.commands import Operation
from django_redis_core.exceptions import ReplyError
from django_redis_core.testing.servers import Server
from django_redis_core_mirror.client import MirrorClient
from django_redis_core_mirror.phases import Phase

from .conftest import MakeCache, add, old_of

NOWHERE = "redis://127.0.0.1:1/0"


def refused(make_cache: MakeCache, words: str, options: dict[str, Any], **entry: Any) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        make_cache({"CLIENT": "mirror", **options}, **{"LOCATION": NOWHERE, **entry})
    assert words in str(caught.value)
    assert "CACHES[" in str(caught.value)


def test_the_old_cache_must_be_one_that_there_is(make_cache: MakeCache) -> None:
    add("local", {})
    from django.conf import settings
    from django.core.cache import caches

    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES["local"] = caches.settings["local"] = local
    add("mirrored", {"LOCATION": NOWHERE, "OPTIONS": {"CLIENT": "mirror", "MIRROR_OF": "x"}})
    refused(make_cache, '"MIRROR_OF": its alias in CACHES', {"MIRROR_OF": ""})
    refused(make_cache, "'nowhere', which is not in CACHES", {"MIRROR_OF": "nowhere"})
    refused(make_cache, "must be a cache of django_redis_core", {"MIRROR_OF": "local"})
    refused(make_cache, "which is a mirror itself", {"MIRROR_OF": "mirrored"})
    refused(make_cache, "MIRROR_AGE", {"MIRROR_OF": "default", "MIRROR_AGE": "soon"})


def test_both_on_one_server_need_keys_of_their_own(
    make_cache: MakeCache, old_server: Server
) -> None:
    entry = {"LOCATION": old_server.url, "KEY_PREFIX": "same"}
    add("same", entry)
    refused(make_cache, "same server and under the same keys", {"MIRROR_OF": "same"}, **entry)
    other = {**entry, "KEY_PREFIX": "other"}
    cache = make_cache({"CLIENT": "mirror", "MIRROR_OF": "same"}, **other)
    assert cache.set("k", 1) is True
    assert cache.get("k") == 1


@pytest.mark.parametrize("other", ["near", "tags"])
def test_clients_that_it_cannot_work_with(make_cache: MakeCache, other: str) -> None:
    refused(make_cache, other, {"CLIENT": ["mirror", other], "MIRROR_OF": "default"})


@pytest.mark.parametrize("phase", [Phase.NEW])
def test_a_dump_that_the_new_servers_do_not_take_is_told_of(
    cache: RedisCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a newer server, or one of another make."""

    def of_another_make(self: MirrorClient, old: str) -> Operation[tuple[bytes, None]]:
        yield from ()
        return b"of another make", None

    old_of(cache).hset("h", "field", "value")
    monkeypatch.setattr(MirrorClient, "_dumped", of_another_make)
    with pytest.raises(ReplyError, match="copy structures before"):
        cache.hset("h", "other", "value")
