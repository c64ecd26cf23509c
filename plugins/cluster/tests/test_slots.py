"""The slot of a key is the one that the cluster has for it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from redis.crc import key_slot

from django_redis_core_cluster.topology import slot_of


@given(st.text(st.sampled_from("ab{}é"), max_size=12))
@example("{tag}one")
@example("{}empty")
@example("{never closed")
@example("closed}{too late")
def test_a_slot_is_that_of_its_tag_or_of_the_whole_key(key: str) -> None:
    assert slot_of(key) == slot_of(key.encode()) == key_slot(key.encode())
