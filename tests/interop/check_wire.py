"""Each package reads what the other wrote, on one server: no wrong value, and no miss.

Not named test_*: it installs django-redis from the index. tox' environment `interop` runs it.
"""

import re
import time

import pytest
from samples import ANY, DATA, INTS, SERIALIZERS, keeps

RELEASES = ["5.3.0", "7.0.0"]
COMPRESSORS = {
    "identity.IdentityCompressor": RELEASES,
    "zlib.ZlibCompressor": RELEASES,
    "gzip.GzipCompressor": ["7.0.0"],
    "lz4.Lz4Compressor": RELEASES,
    "lzma.LzmaCompressor": RELEASES,
    "zstd.ZStdCompressor": RELEASES,
}
PATHS = {name.partition(".")[0]: f"django_redis.compressors.{name}" for name in COMPRESSORS}
CLIENTS = ["DefaultClient", "HerdClient", "ShardClient"]


@pytest.fixture(params=RELEASES)
def release(request):
    return request.param


@pytest.fixture
def theirs(release, workers):
    return workers[release]


@pytest.fixture
def ours(workers):
    return workers["ours"]


@pytest.fixture(params=["they write", "we write"])
def pair(request, ours, theirs):
    """(who writes, who reads)."""
    return (theirs, ours) if request.param == "they write" else (ours, theirs)


@pytest.fixture
def prefix(request):
    return re.sub(r"[^\w.-]", "-", request.node.name)


def do(worker, entry, *steps):
    """The results of ``(method, *args)``; a dict as last element holds keyword arguments."""
    split = []
    for method, *args in steps:
        kwargs = args.pop() if args and type(args[-1]) is Keywords else {}
        split.append((method, tuple(args), dict(kwargs)))
    return worker("calls", entry, split)


class Keywords(dict):
    """Keyword arguments of a step."""


def numbered(values):
    return {str(place): value for place, value in enumerate(values)}


def assert_same(found, wanted):
    assert [(type(value), value) for value in found] == [(type(value), value) for value in wanted]


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(
    ("compressor", "release"),
    [(name, release) for name, releases in COMPRESSORS.items() for release in releases],
)
def test_every_value_in_every_format(serializer, compressor, release, workers, prefix):
    options = {
        "SERIALIZER": f"django_redis.serializers.{serializer}",
        "COMPRESSOR": f"django_redis.compressors.{compressor}",
    }
    for writer, reader in (("ours", release), (release, "ours")):
        values = [value for value in SERIALIZERS[serializer] if keeps(writer, value)]
        entry = {"prefix": f"{prefix}-{writer}", **options}
        steps = [("set", key, value, 60) for key, value in numbered(values).items()]
        assert all(do(workers[writer], entry, *steps))
        found = do(workers[reader], entry, *[("get", key) for key in numbered(values)])
        assert_same(found, values)
        (many,) = do(workers[reader], entry, ("get_many", list(numbered(values))))
        assert_same(many.values(), values)


def entry_of(client, urls, prefix):
    entry = {"prefix": prefix, "CLIENT_CLASS": f"django_redis.client.{client}"}
    return {**entry, "location": urls} if client == "ShardClient" else entry


def our_entry(entry):
    """In a mixed fleet herd entries are written as the other package reads them."""
    herd = entry.get("CLIENT_CLASS", "").endswith("HerdClient")
    return {**entry, "HERD_FORMAT": "django-redis"} if herd else entry


@pytest.fixture
def both(ours, theirs):
    """Does steps on either side: ``both(worker, entry, *steps)``."""

    def run(worker, entry, *steps):
        return do(worker, our_entry(entry) if worker is ours else entry, *steps)

    return run


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("compressor", ["identity.IdentityCompressor", "zlib.ZlibCompressor"])
def test_every_value_through_every_client(client, compressor, pair, both, urls, prefix):
    writer, reader = pair
    entry = entry_of(client, urls, prefix)
    entry["COMPRESSOR"] = f"django_redis.compressors.{compressor}"
    values = numbered(value for value in ANY if keeps(writer.release, value))
    both(writer, entry, *[("set", key, value, 60) for key, value in values.items()])
    assert_same(both(reader, entry, *[("get", key) for key in values]), values.values())
    both(writer, entry, ("set_many", values, 60))
    (many,) = both(reader, entry, ("get_many", list(values)))
    if client == "ShardClient" and reader.release:
        # Its get_many takes a stored None for a miss.
        values = {key: value for key, value in values.items() if value is not None}
    assert_same(many.values(), values.values())


@pytest.mark.parametrize("client", CLIENTS)
def test_an_entry_for_ever_and_a_deleted_one(client, pair, both, urls, prefix):
    writer, reader = pair
    entry = entry_of(client, urls, prefix)
    both(writer, entry, ("set", "ever", [1], None), ("set", "gone", [1], 60))
    both(writer, entry, ("delete", "gone"))
    assert both(reader, entry, ("get", "ever"), ("ttl", "ever"), ("get", "gone")) == [
        [1],
        None,
        None,
    ]
    assert both(reader, entry, ("delete", "ever"), ("has_key", "ever")) == [True, False]


def test_a_shard_of_a_key_is_the_same(theirs, urls):
    from django_redis_core_shard.ring import Ring

    keys = [f"key{number}" for number in range(100_000)]
    ring = Ring(urls)
    here = [urls[ring(f"ring:1:{key}")] for key in keys]
    assert theirs("servers_of", keys) == here


@pytest.mark.parametrize("client", ["DefaultClient", "ShardClient"])
def test_times_to_live(client, pair, both, urls, prefix):
    writer, reader = pair
    entry = entry_of(client, urls, prefix)
    set_them = [("set", "whole", 1, 100), ("set", "part", 1, 0.5), ("set", "ever", 1, None)]
    both(writer, entry, *set_them)
    whole, milliseconds, part, ever, none = both(
        reader,
        entry,
        ("ttl", "whole"),
        ("pttl", "whole"),
        ("pttl", "part"),
        ("ttl", "ever"),
        ("ttl", "none"),
    )
    assert 98 <= whole <= 100
    assert 98_000 <= milliseconds <= 100_000
    assert 0 < part <= 500
    assert (ever, none) == (None, 0)
    both(reader, entry, ("expire", "ever", 50), ("persist", "whole"), ("touch", "part", 200))
    ever, whole, part = both(writer, entry, ("ttl", "ever"), ("ttl", "whole"), ("ttl", "part"))
    assert 48 <= ever <= 50
    assert whole is None
    assert 198 <= part <= 200


def test_a_herd_entry_expires_for_both(pair, both, urls, prefix):
    writer, reader = pair
    entry = entry_of("HerdClient", urls, prefix)
    both(writer, entry, ("set", "key", "value", 1))
    assert both(reader, entry, ("get", "key")) == ["value"]
    # It is kept for CACHE_HERD_TIMEOUT, 60 s, more.
    (left,) = both(writer, {"prefix": prefix}, ("ttl", "key"))
    assert 59 <= left <= 61


@pytest.mark.parametrize("value", INTS)
def test_both_count_on_one_value(value, ours, theirs, both, prefix):
    entry = {"prefix": prefix}
    both(theirs, entry, ("set", "key", value, 60))
    assert both(ours, entry, ("incr", "key", 5)) == [value + 5]
    both(theirs, entry, ("incr", "key"))  # it adds right, and answers with 53 bits of the sum
    assert both(ours, entry, ("get", "key"), ("decr", "key", 2)) == [value + 6, value + 4]
    assert both(theirs, entry, ("get", "key")) == [value + 4]
    (left,) = both(ours, entry, ("ttl", "key"))
    assert 58 <= left <= 60


def test_conditions_and_versions(pair, both, prefix):
    writer, reader = pair
    entry = {"prefix": prefix}
    both(writer, entry, ("set", "key", "first", 60))
    assert both(
        reader,
        entry,
        ("add", "key", "second", 60),
        ("set", "key", "second", 60, Keywords(nx=True)),
        ("set", "none", "second", 60, Keywords(xx=True)),
        ("incr_version", "key"),
    ) == [False, False, False, 2]
    assert both(writer, entry, ("get", "key"), ("get", "key", None, 2)) == [None, "first"]
    assert both(writer, entry, ("keys", "*", 2)) == [["key"]]
    assert both(reader, entry, ("delete_pattern", "k*", 2)) == [1]


# Not gzip: 7.0.0 stamps the time into what it writes.
@pytest.mark.parametrize("compressor", ["identity", "zlib", "lz4", "lzma", "zstd"])
def test_sets_hashes_and_sorted_sets(compressor, workers, prefix):
    entry = {"prefix": prefix, "COMPRESSOR": PATHS[compressor]}
    members = [*INTS, "text", "x" * 200, 1.5, (1, 2), None, b"bytes"]
    for writer, reader in (("ours", "7.0.0"), ("7.0.0", "ours")):
        writer_, reader_ = workers[writer], workers[reader]
        of = {"prefix": f"{prefix}-{writer}", **{k: v for k, v in entry.items() if k != "prefix"}}
        scores = {member: place + 0.5 for place, member in enumerate(members)}
        do(
            writer_,
            of,
            ("sadd", "set", *members),
            ("hset", "hash", "one", "x" * 200),
            ("hset", "hash", Keywords(mapping={"two": 2, "three": [3]})),
            ("zadd", "sorted", scores),
        )
        there, has, hash_keys, ordered, rank, score = do(
            reader_,
            of,
            ("smembers", "set"),
            ("smismember", "set", *members, "no"),
            ("hkeys", "hash"),
            ("zrange", "sorted", 0, -1, Keywords(withscores=True)),
            ("zrank", "sorted", 0),
            ("zscore", "sorted", "x" * 200),
        )
        assert there == set(members)
        assert has == [True] * len(members) + [False]
        assert sorted(hash_keys) == ["one", "three", "two"]
        assert ordered == list(scores.items())
        assert (rank, score) == (0, scores["x" * 200])
        assert (
            do(reader_, of, ("srem", "set", *members), ("zrem", "sorted", *members))
            == [len(members)] * 2
        )
    # Only here can the fields be read through the cache.
    of = {**entry, "prefix": f"{prefix}-7.0.0"}
    assert do(workers["ours"], of, ("hgetall", "hash")) == [
        {"one": "x" * 200, "two": 2, "three": [3]}
    ]


def test_a_session_of_one_is_a_session_of_the_other(pair, prefix):
    writer, reader = pair
    data = {"_auth_user_id": "7", "cart": [1, 2]}
    key = writer("session_stored", prefix, data)
    assert reader("session_read", prefix, key) == data


def test_workers_of_both_exclude_each_other(pair, prefix):
    first, second = pair
    assert first("acquire", prefix, "lock") is True
    assert second("acquire", prefix, "lock") is False
    first("release", prefix, "lock")
    assert second("acquire", prefix, "lock") is True
    assert first("acquire", prefix, "lock") is False
    second("release", prefix, "lock")


def test_old_entries_after_a_change_of_compressor(theirs, ours, prefix):
    old = {"prefix": prefix, "COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"}
    new = {"prefix": prefix, "COMPRESSOR": ["zstd", "zlib"]}
    values = numbered(DATA)
    do(theirs, old, *[("set", key, value, 60) for key, value in values.items()])
    assert_same(do(ours, new, *[("get", key) for key in values]), DATA)
    do(ours, new, ("set", "new", "x" * 200, 60))
    for switched_off in (["identity", "zlib", "zstd"], ["zlib", "zstd"]):
        entry = {"prefix": prefix, "COMPRESSOR": switched_off}
        assert do(ours, entry, ("get", "new"), ("get", "5")) == ["x" * 200, DATA[5]]


def test_old_entries_after_a_change_of_serializer(theirs, ours, prefix):
    old = {"prefix": prefix}
    values = numbered(DATA)
    do(theirs, old, *[("set", key, value, 60) for key, value in values.items()])
    for first in ("json", "msgpack"):
        entry = {"prefix": prefix, "SERIALIZER": [first, "pickle"]}
        assert_same(do(ours, entry, *[("get", key) for key in values]), DATA)
        do(ours, entry, ("set", first, [first], 60))
        assert do(ours, entry, ("get", first)) == [[first]]


def test_old_entries_of_a_format_that_is_not_listed_are_misses(theirs, ours, prefix):
    old = {"prefix": prefix, "COMPRESSOR": "django_redis.compressors.lzma.LzmaCompressor"}
    do(theirs, old, ("set", "key", "x" * 500, 60))
    assert do(ours, {"prefix": prefix}, ("get", "key", "default")) == ["default"]
    entry = {"prefix": prefix, "COMPRESSOR": "lzma", "SERIALIZER": "json"}
    assert do(ours, entry, ("get", "key", "default")) == ["default"]


def test_an_entry_of_one_is_gone_for_the_other_when_its_time_is_over(pair, both, prefix):
    writer, reader = pair
    both(writer, {"prefix": prefix}, ("set", "key", "value", 0.3))
    assert both(reader, {"prefix": prefix}, ("get", "key")) == ["value"]
    time.sleep(0.4)
    assert both(reader, {"prefix": prefix}, ("get", "key")) == [None]
