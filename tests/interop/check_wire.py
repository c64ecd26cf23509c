"""Each package reads what the other wrote, on one server: no wrong value, and no miss.

Not named test_*: it installs django-redis from the index. tox' environment `interop` runs it.
"""

import time

import pytest
from fleet import CLIENTS, COMPRESSORS, Keywords, assert_same, do, entry_of, numbered
from samples import DATA, INTS, SERIALIZERS, Colour, keeps


@pytest.mark.parametrize(
    ("client", "serializer"),
    # There a herd has pickle only.
    [
        (client, serializer)
        for client in CLIENTS
        for serializer in SERIALIZERS
        if client != "HerdClient" or serializer.startswith("pickle")
    ],
)
@pytest.mark.parametrize(
    ("compressor", "release"),
    [(name, release) for name, releases in COMPRESSORS.items() for release in releases],
)
def test_every_value_in_every_format(client, serializer, compressor, pair, urls, prefix):
    writer, reader = pair
    entry = entry_of(client, urls, prefix)
    entry["SERIALIZER"] = f"django_redis.serializers.{serializer}"
    entry["COMPRESSOR"] = f"django_redis.compressors.{compressor}"
    values = numbered(value for value in SERIALIZERS[serializer] if keeps(writer.release, value))
    assert all(do(writer, entry, *[("set", key, value, 60) for key, value in values.items()]))
    assert_same(do(reader, entry, *[("get", key) for key in values]), values.values())
    do(writer, entry, ("set_many", values, 60))
    (many,) = do(reader, entry, ("get_many", list(values)))
    if client == "ShardClient" and reader.release:
        # Its get_many takes a stored None for a miss.
        values = {key: value for key, value in values.items() if value is not None}
    assert_same(many.values(), values.values())


@pytest.mark.parametrize("client", CLIENTS)
def test_an_entry_for_ever_and_a_deleted_one(client, pair, urls, prefix):
    writer, reader = pair
    entry = entry_of(client, urls, prefix)
    do(writer, entry, ("set", "ever", [1], None), ("set", "gone", [1], 60))
    do(writer, entry, ("delete", "gone"))
    assert do(reader, entry, ("get", "ever"), ("ttl", "ever"), ("get", "gone")) == [
        [1],
        None,
        None,
    ]
    assert do(reader, entry, ("delete", "ever"), ("has_key", "ever")) == [True, False]


def test_a_shard_of_a_key_is_the_same(theirs, urls):
    from django_redis_core_shard.ring import Ring

    shapes = [
        "key{}",
        "{{{}}}:of a tag",
        "{{a}}{{{}}}",
        "no}}tag{{{}",
        "{{{{{}}}}}",
        "ünï-{}",
        "{{}}{}",
    ]
    keys = [shapes[number % len(shapes)].format(number) for number in range(100_000)]
    ring = Ring(urls)
    here = [urls[ring(f"ring:1:{key}")] for key in keys]
    assert theirs("servers_of", keys) == here
    assert len(set(here)) == len(urls)


@pytest.mark.parametrize("client", ["DefaultClient", "ShardClient"])
def test_times_to_live(client, pair, urls, prefix):
    writer, reader = pair
    entry = entry_of(client, urls, prefix)
    set_them = [("set", "whole", 1, 100), ("set", "part", 1, 0.5), ("set", "ever", 1, None)]
    do(writer, entry, *set_them)
    whole, milliseconds, part, ever, none = do(
        reader,
        entry,
        ("ttl", "whole"),
        ("pttl", "whole"),
        ("pttl", "part"),
        ("ttl", "ever"),
        ("ttl", "none"),
    )
    assert 98 <= whole <= 100
    assert 80_000 <= milliseconds <= 100_000
    assert 0 < part <= 500
    assert (ever, none) == (None, 0)
    do(reader, entry, ("expire", "ever", 50), ("persist", "whole"), ("touch", "part", 200))
    ever, whole, part = do(writer, entry, ("ttl", "ever"), ("ttl", "whole"), ("ttl", "part"))
    assert 48 <= ever <= 50
    assert whole is None
    assert 198 <= part <= 200


@pytest.mark.parametrize("value", INTS)
def test_both_count_on_one_value(value, ours, theirs, prefix):
    entry = {"prefix": prefix}
    do(theirs, entry, ("set", "key", value, 60))
    assert do(ours, entry, ("incr", "key", 5)) == [value + 5]
    do(theirs, entry, ("incr", "key"))  # it adds right, and answers with 53 bits of the sum
    assert do(ours, entry, ("get", "key"), ("decr", "key", 2)) == [value + 6, value + 4]
    assert do(theirs, entry, ("get", "key")) == [value + 4]
    (left,) = do(ours, entry, ("ttl", "key"))
    assert 58 <= left <= 60


def test_conditions_and_versions(pair, prefix):
    writer, reader = pair
    entry = {"prefix": prefix}
    do(writer, entry, ("set", "key", "first", 60))
    assert do(
        reader,
        entry,
        ("add", "key", "second", 60),
        ("set", "key", "second", 60, Keywords(nx=True)),
        ("set", "none", "second", 60, Keywords(xx=True)),
        ("incr_version", "key"),
    ) == [False, False, False, 2]
    assert do(writer, entry, ("get", "key"), ("get", "key", None, 2)) == [None, "first"]
    assert do(writer, entry, ("keys", "*", 2)) == [["key"]]
    assert do(reader, entry, ("delete_pattern", "k*", 2)) == [1]


MEMBERS = ["text", "x" * 200, 1.5, None]
OF_SERIALIZER = {
    "pickle.PickleSerializer": [*MEMBERS, *INTS, (1, 2), b"bytes"],
    "json.JSONSerializer": [*MEMBERS, *INTS],
    "msgpack.MSGPackSerializer": [*MEMBERS, True, 7, -(2**40), b"bytes"],
}


# Not gzip: 7.0.0 stamps the time into what it writes.
@pytest.mark.parametrize("compressor", [name for name in COMPRESSORS if "gzip" not in name])
@pytest.mark.parametrize("serializer", OF_SERIALIZER)
@pytest.mark.parametrize("release", ["7.0.0"])
def test_sets_hashes_and_sorted_sets(serializer, compressor, pair, ours, prefix):
    writer, reader = pair
    entry = {"prefix": prefix, "COMPRESSOR": f"django_redis.compressors.{compressor}"}
    entry["SERIALIZER"] = f"django_redis.serializers.{serializer}"
    members = OF_SERIALIZER[serializer]
    scores = {member: place + 0.5 for place, member in enumerate(members)}
    do(
        writer,
        entry,
        ("sadd", "set", *members),
        ("hset", "hash", "one", "x" * 200),
        ("hset", "hash", Keywords(mapping={"two": 2, "three": [3]})),
        ("zadd", "sorted", scores),
    )
    there, has, hash_keys, ordered, rank, score = do(
        reader,
        entry,
        ("smembers", "set"),
        ("smismember", "set", *members, "no"),
        ("hkeys", "hash"),
        ("zrange", "sorted", 0, -1, Keywords(withscores=True)),
        ("zrank", "sorted", "text"),
        ("zscore", "sorted", "x" * 200),
    )
    assert there == set(members)
    assert has == [True] * len(members) + [False]
    assert sorted(hash_keys) == ["one", "three", "two"]
    assert ordered == list(scores.items())
    assert (rank, score) == (members.index("text"), scores["x" * 200])
    # What both add and take is one member.
    assert do(reader, entry, ("sadd", "set", *members), ("zadd", "sorted", scores)) == [0, 0]
    taken = ("srem", "set", *members), ("zrem", "sorted", *members)
    assert do(reader, entry, *taken) == [len(members)] * 2
    # Only here can the fields be read through the cache.
    fields = {"one": "x" * 200, "two": 2, "three": [3]}
    assert do(ours, entry, ("hgetall", "hash")) == [fields]


@pytest.mark.parametrize("release", ["7.0.0"])
def test_a_set_on_a_shard(pair, urls, prefix):
    writer, reader = pair
    entry = entry_of("ShardClient", urls, prefix)
    keys = [f"set{number}" for number in range(20)]
    do(writer, entry, *[("sadd", key, 1, "two") for key in keys])
    assert do(reader, entry, *[("smembers", key) for key in keys]) == [{1, "two"}] * 20
    assert do(reader, entry, *[("srem", key, "two") for key in keys]) == [1] * 20
    assert do(writer, entry, *[("scard", key) for key in keys]) == [1] * 20


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


def test_an_entry_of_one_is_gone_for_the_other_when_its_time_is_over(pair, prefix):
    writer, reader = pair
    do(writer, {"prefix": prefix}, ("set", "key", "value", 60))
    assert do(reader, {"prefix": prefix}, ("get", "key")) == ["value"]
    do(writer, {"prefix": prefix}, ("set", "key", "value", 0.3))
    time.sleep(0.4)
    assert do(reader, {"prefix": prefix}, ("get", "key")) == [None]


def test_an_enumeration_of_5_3_is_a_miss(workers, prefix):
    """It stores the repr of an ``IntEnum``, which it cannot read itself."""
    entry = {"prefix": prefix}
    do(workers["5.3.0"], entry, ("set", "key", Colour.RED, 60))
    assert do(workers["ours"], entry, ("get", "key", "default")) == ["default"]
