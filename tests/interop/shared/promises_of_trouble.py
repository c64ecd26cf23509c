"""A server that is not there, and entries that cannot be read."""

import sys

from django.contrib.sessions.backends.cache import SessionStore
from promising import JSON, LZMA, ZLIB, is_true, promise, refused, same
from sites import AT_ONCE, DEAD

# IGNORE_EXCEPTIONS


def _ignoring(name, *args, answer, there=r"ConnectionError", **kwargs):
    """Promises the type that ``name`` answers with while the server is not there."""

    def keep(site):
        cache = site.dead(IGNORE_EXCEPTIONS=True)
        found = getattr(cache, name)(*args, **kwargs)
        same(list(found) if answer == [] else found, answer)

    keep.__name__ = f"ignoring_exceptions_{name}_has_an_answer"
    promise(there)(keep)


for _name, _args, _answer in (
    ("ttl", ("key",), 0),
    ("pttl", ("key",), 0),
    ("touch", ("key",), False),
    ("expire", ("key", 10), False),
    ("pexpire", ("key", 10), False),
    ("expire_at", ("key", 4_000_000_000), False),
    ("pexpire_at", ("key", 4_000_000_000_000), False),
    ("persist", ("key",), False),
    ("iter_keys", ("*",), []),
    ("sadd", ("key", 1), 0),
    ("scard", ("key",), 0),
    ("sdiff", ("key", "other"), set()),
    ("sdiffstore", ("to", "key", "other"), 0),
    ("sinter", ("key", "other"), set()),
    ("sinterstore", ("to", "key", "other"), 0),
    ("sismember", ("key", 1), False),
    ("smismember", ("key", 1, 2), [False, False]),
    ("smembers", ("key",), set()),
    ("smove", ("key", "to", 1), False),
    ("spop", ("key",), None),
    ("srandmember", ("key",), None),
    ("srem", ("key", 1), 0),
    ("sscan", ("key",), set()),
    ("sscan_iter", ("key",), []),
    ("sunion", ("key", "other"), set()),
    ("sunionstore", ("to", "key", "other"), 0),
    ("hset", ("key", "field", 1), 0),
    ("hdel", ("key", "field"), 0),
    ("hlen", ("key",), 0),
    ("hexists", ("key", "field"), False),
    ("zadd", ("key", {"member": 1}), 0),
    ("zcard", ("key",), 0),
    ("zcount", ("key", 0, 1), 0),
    ("zpopmax", ("key",), None),
    ("zpopmin", ("key", 2), []),
    ("zrange", ("key", 0, -1), []),
    ("zrangebyscore", ("key", 0, 1), []),
    ("zrank", ("key", "member"), None),
    ("zrem", ("key", "member"), 0),
    ("zremrangebyscore", ("key", 0, 1), 0),
    ("zrevrange", ("key", 0, -1), []),
    ("zrevrangebyscore", ("key", 1, 0), []),
    ("zscore", ("key", "member"), None),
):
    _ignoring(_name, *_args, answer=_answer)

for _name, _args, _answer in (
    ("set", ("key", 1), False),
    ("has_key", ("key",), False),
    ("delete_many", (["key"],), 0),
    ("delete_pattern", ("*",), 0),
    ("keys", ("*",), []),
    ("hkeys", ("key",), []),
    ("set_many", ({"key": 1},), ["key"]),
    ("clear", (), False),
):
    _ignoring(_name, *_args, answer=_answer, there=r"None")


@promise(r"AssertionError: \{'other': 1\}, not \{\}")
def ignoring_exceptions_get_many_gives_a_dict_of_its_own(site):
    cache = site.dead(IGNORE_EXCEPTIONS=True)
    cache.get_many(["key"])["other"] = 1
    same(cache.get_many(["key"]), {})


@promise(r"AssertionError: not refused: None")
def ignoring_exceptions_nobody_is_given_a_number_that_was_not_counted(site):
    cache = site.dead(IGNORE_EXCEPTIONS=True)
    for count in (cache.incr, cache.decr, cache.incr_version):
        refused(count, "key")


@promise(r"AssertionError: not refused: None")
def ignoring_exceptions_nobody_is_told_that_add_was_first(site):
    refused(site.dead(IGNORE_EXCEPTIONS=True).add, "key", 1)


@promise(r"AssertionError: \d+ tries")
def ignoring_exceptions_a_session_is_not_created_ten_thousand_times(site):
    with site.named(DEAD, IGNORE_EXCEPTIONS=True, **AT_ONCE) as cache:
        session, tries = SessionStore(), []
        add = cache.add

        def counted(*args, **kwargs):
            tries.append(1)
            if len(tries) > 20:
                raise AssertionError(f"{len(tries)} tries")
            return add(*args, **kwargs)

        session._cache = cache
        cache.add = counted
        error = refused(session.create)
        is_true(not isinstance(error, AssertionError), str(error))


@promise(r"AssertionError: not refused: None")
def ignoring_exceptions_a_wrong_type_is_an_error(site):
    cache = site.cache(IGNORE_EXCEPTIONS=True)
    site.raw.rpush(site.stored(cache, "list"), 1)
    refused(cache.get, "list")


# Entries that cannot be read


def _unreadable(name, there, write, read):
    """Promises that what ``write`` stored is a miss for a cache with the options ``read``, alone
    and among others."""

    def keep(site):
        write(site, f"unreadable-{name}-{site.package}")
        cache = site.cache(prefix=f"unreadable-{name}-{site.package}", **read)
        cache.set("good", ["value"])
        same(cache.get("bad", "default"), "default")
        same(cache.get_many(["bad", "good"]), {"good": ["value"]})

    keep.__name__ = f"{name}_is_a_miss"
    promise(there)(keep)


class Vanished:
    """A class that will no longer be there when its instance is read."""


def _with(**options):
    return lambda site, prefix: site.cache(prefix=prefix, **options).set("bad", {"x": "y" * 200})


def _damaged(site, prefix):
    cache = site.cache(prefix=prefix)
    cache.set("bad", {"x": "y" * 200})
    key = site.stored(cache, "bad")
    site.raw.set(key, site.raw.get(key)[:-20])


def _vanished(site, prefix):
    Vanished.__module__, home = "no_longer_there", Vanished.__module__
    sys.modules["no_longer_there"] = sys.modules[home]
    try:
        site.cache(prefix=prefix).set("bad", Vanished())
    finally:
        del sys.modules["no_longer_there"]
        Vanished.__module__ = home


_unreadable("another_serializer", r"Error", _with(), {"SERIALIZER": JSON})
_unreadable("another_compressor", r"Error", _with(COMPRESSOR=ZLIB), {"COMPRESSOR": LZMA})
_unreadable("compression_that_was_switched_off", r"Error", _with(COMPRESSOR=ZLIB), {})
_unreadable("a_truncated_entry", r"Error", _damaged, {})
_unreadable("a_class_that_is_gone", r"ModuleNotFoundError", _vanished, {})
