"""Primaries and pools, rings of shards, herds."""

import time

import redis
from django.test import override_settings
from promising import JSON, MSGPACK, at_once, is_true, promise, refused, same
from sites import AT_ONCE, DEAD, HERD, NO_RETRY, SHARD

# Primaries and pools


@promise(r"AssertionError: 9\d{6}|AssertionError: 10000000")
def a_write_that_moves_to_another_primary_keeps_its_timeout(site):
    cache = site.cache([DEAD, site.urls[0]], REPLICA_READ_ONLY=False, **AT_ONCE)
    cache.set("key", "value", timeout=10)
    left = site.raw.pttl(site.stored(cache, "key"))
    is_true(9_000 < left <= 10_000, f"{left} ms left of 10 s")


@promise(r"AssertionError: not refused")
def two_aliases_of_one_server_keep_their_own_passwords(site):
    site.raw.acl_setuser(
        "interop", enabled=True, passwords=["+right"], keys=["*"], commands=["+@all"]
    )
    url = site.urls[0].replace("redis://", "redis://interop@") + "?client_name=two-aliases"
    site.cache(url, PASSWORD="right").set("key", 1)
    refused(site.cache(url, PASSWORD="wrong").set, "key", 1)


@promise(r"AssertionError: not refused: None")
def two_aliases_of_one_server_keep_their_own_timeouts(site):
    url = site.urls[0] + "?client_name=two-timeouts"
    patient = site.cache(url, SOCKET_TIMEOUT=30, CONNECTION_POOL_KWARGS={"retry": NO_RETRY})
    hasty = site.cache(url, SOCKET_TIMEOUT=0.2, CONNECTION_POOL_KWARGS={"retry": NO_RETRY})
    patient.get("key")
    site.raw.client_pause(3000)
    try:
        refused(hasty.get, "key")
    finally:
        site.raw.ping()  # answered when the pause is over


@promise(r"AssertionError: \d connections")
def two_aliases_of_one_server_keep_their_own_limits(site):
    name = site.fresh()
    url = f"{site.urls[0]}?client_name={name}"
    large = site.cache(url, CONNECTION_POOL_KWARGS={"max_connections": 50})
    small = site.cache(url, CONNECTION_POOL_KWARGS={"max_connections": 2})
    large.get("key")
    site.raw.client_pause(500, all=False)  # so that all write at the same time

    def write(number):
        try:
            small.set("key", number)
        except Exception:  # a limit may be kept by refusing
            return

    at_once(6, write)
    count = sum(client["name"] == name for client in site.raw.client_list())
    is_true(count <= 3, f"{count} connections")


class SlowPool(redis.ConnectionPool):
    """Is long in the making, so that two which are made at once are seen."""

    made = 0

    def __init__(self, *args, **kwargs):
        type(self).made += 1
        time.sleep(0.2)
        super().__init__(*args, **kwargs)


@promise(r"AssertionError: [2-4] pools")
def threads_that_come_at_once_share_a_pool(site):
    url = site.urls[0] + "?client_name=one-pool"
    pool_class = f"{__name__}.SlowPool"
    SlowPool.made = 0
    # As in Django, a cache object for each thread.
    at_once(4, lambda number: site.cache(url, CONNECTION_POOL_CLASS=pool_class).get("key"))
    is_true(SlowPool.made <= 1, f"{SlowPool.made} pools")


@promise(r"AssertionError: \['a', 'b'\]")
def rings_of_nodes_share_nothing(site):
    from django_redis.hash_ring import HashRing

    HashRing.nodes = []  # what other caches of this process left there
    first, second = HashRing(["a"]), HashRing(["b"])
    same(first.nodes, ["a"])
    same(second.nodes, ["b"])


@promise(r"AssertionError: \d+ of 200 keys moved")
def a_changed_password_moves_no_key_of_a_ring(site):
    for server in site.others:
        server.acl_setuser(
            "ring", enabled=True, passwords=["+old", "+new"], keys=["*"], commands=["+@all"]
        )

    def with_password(password):
        urls = [url.replace("redis://", f"redis://ring:{password}@") for url in site.urls]
        return site.cache(urls, prefix="ring", CLIENT_CLASS=SHARD, SHARD_NAMES=["one", "two"])

    keys = [str(number) for number in range(200)]
    before, after = with_password("old"), with_password("new")
    before.set_many(dict.fromkeys(keys, 1))
    moved = 200 - len(after.get_many(keys))
    before.delete_many(keys)
    is_true(not moved, f"{moved} of 200 keys moved")


# The shard client


@promise(r"AssertionError: None")
def a_shard_keeps_the_whole_key_at_another_version(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    cache.set("a:b", 1)
    cache.incr_version("a:b")
    same(cache.get("a:b", version=2), 1)


@promise(r"AssertionError: \d+ commands for 40 keys")
def many_keys_are_one_request_a_shard(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    keys = [str(number) for number in range(40)]
    cache.set_many(dict.fromkeys(keys, 1))
    before = site.calls("get", "mget")
    same(len(cache.get_many(keys)), 40)
    commands = site.calls("get", "mget") - before
    is_true(commands <= len(site.urls), f"{commands} commands for 40 keys")


def _reads(site, work):
    """How often the servers read from a socket while ``work`` runs: a request is read at once."""

    def count():
        return sum(server.info("stats")["total_reads_processed"] for server in site.others)

    before = count()
    work()
    return count() - before - len(site.others)  # each INFO is a read too


@promise(r"AssertionError: [4-9]\d reads for 40 keys")
def many_keys_are_set_by_one_request_a_shard(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    cache.get_many(["connected"])
    data = {str(number): 1 for number in range(40)}
    reads = _reads(site, lambda: cache.set_many(data))
    same(len(cache.get_many(list(data))), 40)
    is_true(reads <= 10, f"{reads} reads for 40 keys")


@promise(r"AssertionError: [4-9]\d reads for 40 keys")
def many_keys_are_deleted_by_one_request_a_shard(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    data = {str(number): 1 for number in range(40)}
    cache.set_many(data)
    reads = _reads(site, lambda: same(cache.delete_many(list(data)), 40))
    is_true(reads <= 10, f"{reads} reads for 40 keys")


@promise(r"AssertionError: \d{5} bytes for a shard without keys")
def a_pattern_is_deleted_where_its_keys_are(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    cache.set_many({f"{{together}}{number}": 1 for number in range(500)})
    before = [server.info("stats")["total_net_input_bytes"] for server in site.others]
    same(cache.delete_pattern("*", itersize=1000), 500)
    after = [server.info("stats")["total_net_input_bytes"] for server in site.others]
    least = min(now - then for now, then in zip(after, before, strict=True))
    is_true(least < 2000, f"{least} bytes for a shard without keys")


@promise(r"NotImplementedError")
def a_shard_has_hashes(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    same(cache.hset("hash", "field", 1), 1)
    same(cache.hkeys("hash"), ["field"])


@promise(r"NotImplementedError")
def a_shard_has_sorted_sets(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    same(cache.zadd("sorted", {"member": 1.5}), 1)
    same(cache.zscore("sorted", "member"), 1.5)


@promise(r"AssertionError: \{\}, not \{'key': None\}")
def a_stored_none_is_found_on_a_shard(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    cache.set("key", None)
    same(cache.get_many(["key", "other"]), {"key": None})


@promise(r"AssertionError: a member was lost")
def a_member_that_moves_between_shards_is_not_lost(site):
    cache = site.cache(site.urls, CLIENT_CLASS=SHARD)
    for number in range(20):
        to = f"to{number}"
        cache.sadd("from", 1)
        try:
            cache.smove("from", to, 1)
        except ValueError:  # it says that it cannot
            continue
        is_true(cache.smembers(to) == {1}, "a member was lost")


@promise(r"ConnectionError")
def a_dead_shard_takes_only_its_own_keys(site):
    keys = [str(number) for number in range(40)]
    whole = [site.urls[0], DEAD]
    cache = site.cache(whole, prefix="half", CLIENT_CLASS=SHARD, **AT_ONCE)
    for key in keys:
        try:
            cache.set(key, 1)
        except Exception:  # of the dead one
            continue
    found = cache.get_many(keys)
    is_true(0 < len(found) < 40, f"{len(found)} of 40 keys")


# The herd client: CACHE_HERD_TIMEOUT is 2, so an entry that expired logically a second ago is
# there, and django-redis always asks for a new one.

HERD_TIMEOUT = 2


def herd(function):
    def in_a_herd(site):
        with override_settings(CACHE_HERD_TIMEOUT=HERD_TIMEOUT):
            function(site)

    in_a_herd.__name__ = function.__name__
    return in_a_herd


def expired(site, key="key", value="old"):
    """A herd cache in which ``key`` has expired and is still kept."""
    cache = site.cache(CLIENT_CLASS=HERD, HERD_FORMAT="django-redis")
    cache.set(key, value, timeout=1)
    time.sleep(2.1)
    return cache


@promise(r"AssertionError: True, not False")
@herd
def a_herd_set_with_xx_makes_no_new_key(site):
    cache = site.cache(CLIENT_CLASS=HERD)
    same(cache.set("key", 1, 60, xx=True), False)
    same(cache.get("key"), None)


@promise(r"AssertionError: .*None in")
@herd
def a_herd_get_many_has_values_or_nothing(site):
    found = expired(site).get_many(["key"])
    is_true(None not in found.values(), f"None in {found}")


@promise(r"AssertionError: None, not 'new'")
@herd
def a_herd_get_or_set_stores_what_it_computed(site):
    cache = expired(site)
    cache.get_or_set("key", lambda: "new", 60)
    same(cache.get("key"), "new")


@promise(r"AssertionError: [2-8] of 8 computed")
@herd
def a_herd_elects_one_to_compute(site):
    cache = expired(site)
    computed = []

    def compute():
        computed.append(1)
        time.sleep(0.2)
        return "new"

    at_once(8, lambda number: cache.get_or_set("key", compute, 60))
    is_true(len(computed) == 1, f"{len(computed)} of 8 computed")


@promise(r"AssertionError: False, not True")
@herd
def a_herd_touches_a_stored_none(site):
    cache = site.cache(CLIENT_CLASS=HERD)
    cache.set("key", None, 60)
    same(cache.touch("key", 100), True)


@promise(r"NotImplementedError")
@herd
def a_herd_counts(site):
    cache = site.cache(CLIENT_CLASS=HERD)
    cache.set("key", 1, 60)
    same(cache.incr("key"), 2)


@promise(r"TypeError: Object of type Marker")
@herd
def a_herd_speaks_json(site):
    cache = site.cache(CLIENT_CLASS=HERD, SERIALIZER=JSON)
    cache.set("key", ["value"], 60)
    same(cache.get("key"), ["value"])


@promise(r"TypeError: can not serialize 'Marker'")
@herd
def a_herd_speaks_msgpack(site):
    cache = site.cache(CLIENT_CLASS=HERD, SERIALIZER=MSGPACK)
    cache.set("key", ["value"], 60)
    same(cache.get("key"), ["value"])


@promise(r"AssertionError: None, not 'value'")
@herd
def a_herd_entry_can_be_given_more_time(site):
    cache = site.cache(CLIENT_CLASS=HERD)
    cache.set("key", "value", timeout=1)
    same(cache.expire("key", 60), True)
    time.sleep(2.1)
    same(cache.get("key"), "value")


@promise(r"AssertionError: 1\d\d more ms|AssertionError: \d{4} more ms")
@herd
def a_herd_entry_lives_no_longer_at_another_version(site):
    cache = site.cache(CLIENT_CLASS=HERD)
    cache.set("key", "value", timeout=60)
    before = site.raw.pttl(site.stored(cache, "key"))
    cache.incr_version("key")
    more = site.raw.pttl(site.stored(cache, "key", 2)) - before
    is_true(more <= 0, f"{more} more ms")
