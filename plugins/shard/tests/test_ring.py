"""Where keys go: where django-redis puts them, and nowhere else when the ring changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from django_redis_core_shard.ring import Ring, hashed_part

#: What django-redis 7.0.0 and 5.3.0 (the two agree) make of ``keys()``: for each list of LOCATIONs
#: the SHA-256 of all positions, a byte each, and every 997th key with its position.
DJANGO_REDIS = json.loads(
    (Path(__file__).parent / "data" / "django_redis_ring.json").read_text(encoding="utf-8")
)

ODD_TAGS = (
    ":1:{a}{%d}x",
    ":1:a\n{%d}",
    ":1:{%d}\nb",
    ":1:{x}}%d",
    ":1:}{%d",
    ":1:{%d",
    ":1:{{%d}}",
    ":1:{}%d",
    ":1:{a{%d}b}",
    ":1:%d}{}",
)


def keys() -> Iterator[str]:
    """100,000 keys as stored: plain ones, tagged ones, and braces in odd places."""
    for number in range(100_000):
        sort = number % 10
        if sort < 7:
            yield f":1:key{number}"
        elif sort == 7:
            yield f"pre:2:user{{{number}}}:cart"
        elif sort == 8:
            yield f":1:schlüssel {number}"
        else:
            yield ODD_TAGS[number // 10 % 10] % number


@pytest.fixture(params=DJANGO_REDIS, ids=lambda of: f"{len(of['locations'])} locations")
def theirs(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param  # type: ignore[no-any-return]


def test_a_key_goes_where_django_redis_puts_it(theirs: dict[str, Any]) -> None:
    ring = Ring(theirs["locations"])
    samples = theirs["samples"]
    assert len(samples) > 100
    assert [[key, ring(key)] for key, _ in samples] == samples


def test_100_000_keys_go_where_django_redis_puts_them(theirs: dict[str, Any]) -> None:
    ring = Ring(theirs["locations"])
    positions = bytes(map(ring, keys()))
    assert len(positions) == 100_000
    assert sha256(positions).hexdigest() == theirs["digest"]


def test_a_key_as_found_on_a_server_goes_where_its_text_goes() -> None:
    ring = Ring(["a", "b", "c", "d"])
    for key in (*(odd % 7 for odd in ODD_TAGS), ":1:schlüssel", ":1:k"):
        assert ring(key.encode()) == ring(key)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_adding_a_shard_moves_its_part_of_the_keys_and_no_other(count: int) -> None:
    names = [f"shard-{number}" for number in range(count)]
    before, after = Ring(names), Ring([*names, "new"])
    total = 20_000
    moved = 0
    for number in range(total):
        old, new = before(f":1:key{number}"), after(f":1:key{number}")
        if new != old:
            assert new == count, "a key moved between shards that were there before"
            moved += 1
    # 128 points a shard keep its part within some 10% of the fair one; a quarter is 2.5 times that.
    assert moved / total == pytest.approx(1 / (count + 1), rel=0.25)


def test_removing_a_shard_moves_only_its_own_keys() -> None:
    names = ["a", "b", "c", "d"]
    before, after = Ring(names), Ring(names[:3])
    for number in range(5_000):
        old = before(f":1:key{number}")
        if old != 3:
            assert after(f":1:key{number}") == old


def test_every_shard_gets_its_share() -> None:
    ring = Ring(["a", "b", "c", "d"])
    counts = Counter(ring(f":1:key{number}") for number in range(20_000))
    assert all(count == pytest.approx(5_000, rel=0.4) for count in counts.values())
    assert len(counts) == 4


def test_the_order_of_names_does_not_count() -> None:
    names = ["a", "b", "c"]
    one, other = Ring(names), Ring(names[::-1])
    for number in range(1_000):
        key = f":1:key{number}"
        assert names[one(key)] == names[::-1][other(key)]


def test_rings_of_one_process_share_nothing() -> None:
    """django-redis keeps the nodes of all rings in one list of the class."""
    alone = [Ring(["a", "b"])(f"k{number}") for number in range(500)]
    first = Ring(["a", "b"])
    Ring(["c", "d", "e"])
    assert [first(f"k{number}") for number in range(500)] == alone


@pytest.mark.parametrize(
    ("key", "part"),
    [
        (b":1:plain", b":1:plain"),
        (b":1:{user}:cart", b"user"),
        (b":1:{a}{b}", b"b"),
        (b":1:{a{b}c}", b"b}c"),
        (b":1:{}x", b""),
        (b":1:{", b":1:{"),
        (b":1:}{x", b":1:}{x"),
        (b":1:{a}\nx", b"a"),
        (b":1:a\n{x}", b":1:a\n{x}"),
    ],
)
def test_what_is_hashed_of_a_key(key: bytes, part: bytes) -> None:
    assert hashed_part(key) == part
