"""Counting, versions, expiry, patterns, keys, options, locks."""

import threading
import time
import warnings

from django.core.cache.backends.base import DEFAULT_TIMEOUT, CacheKeyWarning
from promising import GZIP, JSON, at_once, is_true, promise, refused, same

# Counting, versions, expiry


@promise(r"AssertionError: \d+ of 400 counted")
def counting_past_64_bits_loses_nothing(site):
    cache = site.cache()
    start = 2**64
    cache.set("key", start)
    at_once(8, lambda number: [cache.incr("key") for _ in range(50)])
    counted = cache.get("key") - start
    is_true(counted == 400, f"{counted} of 400 counted")


@promise(r"AssertionError: \d+ of 400 counted")
def counting_a_float_loses_nothing(site):
    cache = site.cache()
    cache.set("key", 0.5)
    at_once(8, lambda number: [cache.incr("key") for _ in range(50)])
    counted = int(cache.get("key"))
    is_true(counted == 400, f"{counted} of 400 counted")


@promise(r"AssertionError: None, not 'value'")
def a_key_with_less_than_a_second_is_not_lost_at_another_version(site):
    cache = site.cache()
    cache.set("key", "value", timeout=0.4)
    cache.incr_version("key")
    same(cache.get("key", version=2), "value")


@promise(r"ValueError: Key .* not found")
def a_stored_none_is_there_at_another_version(site):
    cache = site.cache()
    cache.set("key", None)
    same(cache.incr_version("key"), 2)
    same(cache.get("key", "default", version=2), None)


@promise(r"AssertionError: \d+ of \d+ looks saw two")
def a_change_of_version_is_one_step(site):
    cache, seen, ended = site.cache(), [], threading.Event()
    old, new = site.stored(cache, "key", 1), site.stored(cache, "key", 2)

    def change():
        for _ in range(200):
            cache.incr_version("key", version=1)
            cache.decr_version("key", version=2)
        ended.set()

    cache.set("key", "value")
    worker = threading.Thread(target=change)
    worker.start()
    while not ended.is_set():
        seen.append(site.raw.exists(old, new))
    worker.join()
    twice = sum(count == 2 for count in seen)
    is_true(not twice, f"{twice} of {len(seen)} looks saw two")


@promise(r"AssertionError: (0|None|-2) s left")
def pexpire_by_default_is_the_default_timeout(site):
    cache = site.cache(TIMEOUT=100)
    cache.set("key", "value", timeout=10)
    cache.pexpire("key", DEFAULT_TIMEOUT)
    time.sleep(0.15)
    left = cache.ttl("key")
    is_true(left and left > 90, f"{left} s left")


# Patterns and names


@promise(r"AssertionError: 1 transactions")
def a_pattern_is_deleted_without_one_transaction_of_everything(site):
    cache = site.cache()
    cache.set_many({str(number): 1 for number in range(3000)})
    before = site.calls("exec")
    same(cache.delete_pattern("*", itersize=500), 3000)
    transactions = site.calls("exec") - before
    is_true(not transactions, f"{transactions} transactions")


@promise(r"AssertionError: \['1:key'\], not \['key'\]")
def keys_come_back_under_a_prefix_with_a_colon(site):
    cache = site.cache(prefix="a:b")
    cache.set("key", 1)
    same(cache.keys("*"), ["key"])


def under_a_tag(key, prefix, version):
    return f"{{{prefix}}}{version}/{key}"


@promise(r"IndexError")
def keys_come_back_from_a_key_function(site):
    cache = site.cache(KEY_FUNCTION=under_a_tag, KEY_PATTERN_FUNCTION=under_a_tag)
    cache.set("key", 1)
    same(cache.keys("*"), ["key"])
    same(list(cache.iter_keys("*")), ["key"])


@promise(r"AssertionError: no warning")
def a_key_that_other_backends_refuse_is_warned_of(site):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        site.cache().set("with space", 1)
    categories = [warning.category for warning in caught]
    is_true(CacheKeyWarning in categories, f"no warning but {categories}")


# Options


@promise(r"AssertionError: not refused")
def a_misspelt_option_is_refused(site):
    refused(lambda: site.cache(SERIALISER=JSON).get("key"))


@promise(r"AssertionError: \{.*'CONNECTION_POOL_CLASS'")
def settings_are_not_changed_by_who_reads_them(site):
    from django_redis.pool import SentinelConnectionFactory

    options = {"SENTINELS": [("127.0.0.1", 1)]}
    SentinelConnectionFactory(options)
    same(options, {"SENTINELS": [("127.0.0.1", 1)]})


# Members, locks and lists of keys


@promise(r"AssertionError: 2, not 1")
def a_member_is_the_same_a_second_later(site):
    cache = site.cache(COMPRESSOR=GZIP)
    member = "member" * 50
    cache.sadd("set", member)
    time.sleep(1.1)
    cache.sadd("set", member)
    same(cache.scard("set"), 1)


@promise(r"AssertionError: set\(\), not \{1\}")
def a_member_moves_within_its_version(site):
    cache = site.cache()
    cache.sadd("from", 1, version=2)
    same(cache.smove("from", "to", 1, version=2), True)
    same(cache.smembers("to", version=2), {1})


@promise(r"Error")
def reading_a_held_lock_is_a_miss(site):
    cache = site.cache()
    with cache.lock("key", timeout=10):
        same(cache.get("key", "default"), "default")
        same(cache.get_many(["key"]), {})


@promise(r"AssertionError: None, not \[\]")
def set_many_says_which_keys_failed(site):
    same(site.cache().set_many({"key": 1}), [])
