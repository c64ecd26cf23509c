import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.testing import ClientContract


class TestJitterClient(ClientContract):
    """Every cache operation keeps its promises: blocking, on asyncio and in pipelines."""

    name = "jitter"


OPTIONS = {"CLIENT": "jitter", "JITTER_SPREAD": 0.5}


def test_entries_written_together_end_apart(make_cache):
    cache = make_cache(OPTIONS, TIMEOUT=1000)
    cache.set_many(dict.fromkeys("abcdefghij", 1))
    left = [cache.pttl(key) for key in "abcdefghij"]
    assert all(490_000 < milliseconds <= 1_000_000 for milliseconds in left)
    assert max(left) - min(left) > 10_000


def test_a_timeout_that_is_named_is_kept(make_cache):
    cache = make_cache(OPTIONS, TIMEOUT=1000)
    cache.set("k", 1, timeout=60)
    assert 59_000 < cache.pttl("k") <= 60_000


@pytest.mark.parametrize("wrong", [1, -0.1, "0.1", True, float("nan")])
def test_a_wrong_spread_is_refused(make_cache, wrong):
    with pytest.raises(ImproperlyConfigured, match="JITTER_SPREAD must be a number from 0"):
        make_cache({**OPTIONS, "JITTER_SPREAD": wrong})
