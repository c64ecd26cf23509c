"""The core's whole operation suite on tags, in every way."""

from __future__ import annotations

from typing import Any, ClassVar

from django_redis_core.testing import ClientContract

#: What looks for an entry that was invalidated, where one is in the way.
ROUND_TRIPS = {"add": 1, "incr_version": 1, "decr_version": 1}

EXAMPLES: list[Any] = [
    ("set", ["page", "html"], {"tags": ["menu", "author"]}),
    ("add", ["page", "text"], {"tags": ["menu"]}),
    ("get", ["page"], {}),
    ("set_many", [{"a": 1, "b": "two"}], {"tags": ["menu"]}),
    ("get_many", [["a", "b", "page"]], {}),
    ("touch", ["page", 60], {"tags": ["more"]}),
    ("incr", ["a"], {}),
    ("get_or_set", ["new", "value"], {"tags": ["author"]}),
    ("invalidate_tags", ["menu", "unknown"], {}),
    ("get_many", [["a", "b", "page", "new"]], {}),
    ("snapshot_tags", ["menu", "author"], {}),
    ("invalidate_tags", ["menu"], {}),
]


class TestTags(ClientContract):
    name = "tags"
    round_trips = ROUND_TRIPS
    examples: ClassVar = EXAMPLES
