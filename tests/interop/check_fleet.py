"""A fleet that runs both packages at once: herds, sessions, locks, sentinels.

Not named test_*: it installs django-redis from the index. tox' environment `interop` runs it.
"""

import os
import time

import pytest
import redis
from fleet import CLIENTS, assert_same, do, entry_of, for_worker, numbered
from samples import ANY, keeps

from django_redis_core.testing.topologies import sentinels


def test_a_herd_entry_expires_for_both(pair, urls, prefix):
    writer, reader = pair
    entry = entry_of("HerdClient", urls, prefix)
    do(writer, entry, ("set", "key", "value", 100))
    assert do(reader, entry, ("get", "key")) == ["value"]
    # It is kept for CACHE_HERD_TIMEOUT, 60 s, more.
    (left,) = do(writer, {"prefix": prefix}, ("ttl", "key"))
    assert 140 <= left <= 161


@pytest.mark.parametrize("timeout", [60, 0.5 + 60, None])
def test_an_entry_of_a_herd_lives_as_long_whoever_wrote_it(timeout, ours, theirs, urls, prefix):
    entry = entry_of("HerdClient", urls, prefix)
    do(theirs, entry, ("set", "there", "value", timeout))
    do(ours, entry, ("set", "here", "value", timeout))
    there, here = do(ours, entry, ("pttl", "there"), ("pttl", "here"))
    stored_there, stored_here = do(theirs, entry, ("pttl", "there"), ("pttl", "here"))
    if timeout is None:
        assert (there, here, stored_there, stored_here) == (None,) * 4
        return
    # The tuple has whole seconds.
    assert 40_000 <= there <= 60_500
    assert 40_000 <= here <= 60_500
    assert 100_000 <= stored_there <= 120_500
    assert 100_000 <= stored_here <= 120_500


def test_an_expired_entry_of_a_herd_is_computed_by_one(pair, ours, urls, prefix):
    """Whoever wrote it: a worker of this package is elected, the others here have the old value,
    and what was computed is there for both."""
    writer, other = pair
    entry = entry_of("HerdClient", urls, prefix)
    do(writer, entry, ("set", "key", "old", 1))
    time.sleep(2.1)
    first, second = do(ours, entry, ("get", "key", "default"), ("get", "key", "default"))
    assert (first, second) == ("default", "old")
    do(ours, entry, ("set", "key", "new", 60))
    assert do(writer, entry, ("get", "key")) == do(other, entry, ("get", "key")) == ["new"]


def test_a_herd_changes_an_entry_of_the_other(ours, theirs, urls, prefix):
    entry = entry_of("HerdClient", urls, prefix)
    do(theirs, entry, ("set", "count", 5, 60), ("set", "moved", "value", 60))
    assert do(ours, entry, ("incr", "count", 2), ("incr_version", "moved")) == [7, 2]
    assert do(theirs, entry, ("get", "count"), ("get", "moved", None, 2)) == [7, "value"]
    assert do(theirs, entry, ("touch", "count", 100), ("add", "count", 1)) == [True, False]
    assert do(ours, entry, ("get", "count"), ("add", "count", 1)) == [7, False]
    (left,) = do(ours, entry, ("ttl", "count"))
    assert 80 <= left <= 100


@pytest.mark.parametrize("client", CLIENTS)
def test_a_session_of_one_is_a_session_of_the_other(client, pair, urls, prefix):
    writer, reader = pair
    entry = entry_of(client, urls, prefix)
    data = {"_auth_user_id": "7", "cart": [1, 2]}
    key = writer("session_stored", for_worker(writer, entry), data)
    assert reader("session_read", for_worker(reader, entry), key) == data


@pytest.mark.parametrize("client", CLIENTS)
def test_workers_of_both_exclude_each_other(client, pair, urls, prefix):
    first, second = pair
    entry = entry_of(client, urls, prefix)
    keys = ["lock", "lock:2", "{tag}lock"]  # on more than one shard
    for key in keys:
        assert first("acquire", entry, key) is True
        assert second("acquire", entry, key) is False
        assert second("acquire", entry, key, 0.2) is False
        first("release", entry, key)
        assert second("acquire", entry, key, 5) is True
        assert first("acquire", entry, key) is False
        second("release", entry, key)
    assert do(first, entry, ("keys", "*lock*")) == [[]]


@pytest.fixture(scope="module")
def service():
    with sentinels(
        service="orders", kind=os.environ.get("DRC_TEST_SERVER", "valkey"), down_after=30
    ) as group:
        yield group


@pytest.mark.parametrize("client", ["SentinelClient", "DefaultClient"])
def test_every_value_through_sentinels(client, pair, service, prefix):
    writer, reader = pair
    entry = entry_of(client, [], prefix)
    entry |= {"location": "redis://orders/0", "SENTINELS": service.addresses}
    # 5.3.0 has no option for it.
    factory = "django_redis.pool.SentinelConnectionFactory"
    entry["settings"] = {"DJANGO_REDIS_CONNECTION_FACTORY": factory}
    values = numbered(value for value in ANY if keeps(writer.release, value))
    do(writer, entry, *[("set", key, value, 60) for key, value in values.items()])
    primary = redis.Redis.from_url(service.current_primary().url)
    primary.set(f"{prefix}:done", 1)
    primary.wait(2, 5000)  # what is read comes from a replica
    assert_same(do(reader, entry, *[("get", key) for key in values]), values.values())
    (many,) = do(reader, entry, ("get_many", list(values)))
    assert_same(many.values(), values.values())
