"""Work over many keys by their names: keys, iter_keys, delete_pattern, clear."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from ..._operations import scanning
from ..._operations.declare import Family
from ..caller import Caller
from .suite import Make, Suite

#: Prefixes and versions that would match other keys, or split wrongly, if they were not escaped.
HARD_PREFIXES = ["a:b", ":", "*", "te?t", "[ab]", "\\", "^", "a*b:[c]?"]


def reversing(key: str, prefix: str, version: Any) -> str:
    """A KEY_FUNCTION that puts the key first."""
    return f"{key}|{version}|{prefix}"


def hiding(key: str, prefix: str, version: Any) -> str:
    """A KEY_FUNCTION that does not contain the key as it was given."""
    return f"{prefix}:{version}:{key[::-1]}"


def shown(stored: str) -> str:
    """The REVERSE_KEY_FUNCTION of ``hiding``."""
    return stored.rpartition(":")[2][::-1]


class ScanningSuite(Suite):
    covers: ClassVar[type[Family]] = scanning.Scanning

    def test_keys_are_named_as_callers_name_them(self, cache: Caller) -> None:
        cache.set_many({"foo-1": 1, "foo-2": 1, "bar": 1, "ä:ö": 1})
        assert sorted(cache.keys("*")) == ["bar", "foo-1", "foo-2", "ä:ö"]
        assert sorted(cache.iter_keys("*")) == ["bar", "foo-1", "foo-2", "ä:ö"]
        assert sorted(cache.keys("foo*")) == sorted(cache.iter_keys("foo*")) == ["foo-1", "foo-2"]
        assert cache.keys("nobody*") == cache.iter_keys("nobody*") == []

    def test_a_pattern_is_a_glob(self, cache: Caller) -> None:
        cache.set_many(dict.fromkeys(["key-a", "key-b", "key-cc", "key-*", "key-["], 1))
        assert sorted(cache.keys("key-?")) == ["key-*", "key-[", "key-a", "key-b"]
        assert sorted(cache.keys("key-[ab]")) == ["key-a", "key-b"]
        assert cache.keys("key-\\*") == ["key-*"]
        assert cache.keys("key-cc") == ["key-cc"]
        assert cache.keys("key") == []

    def test_a_version_is_searched_alone(self, cache: Caller) -> None:
        cache.set("one", 1)
        cache.set("two", 1, version=2)
        cache.set("twelve", 1, version=12)
        assert cache.keys("*") == ["one"]
        assert cache.keys("*", version=2) == cache.iter_keys("*", version=2) == ["two"]
        assert cache.delete_pattern("*", version=2) == 1
        assert cache.has_key("two", version=2) is False
        assert cache.has_key("twelve", version=12) is True

    def test_other_caches_keys_are_not_seen(self, cache: Caller, make: Make) -> None:
        other = make()
        other.set("k", 1)
        assert cache.keys("*") == cache.iter_keys("*") == []
        assert cache.delete_pattern("*") == 0
        assert other.get("k") == 1

    @pytest.mark.parametrize("itersize", [1, 7, 10_000])
    def test_itersize_changes_the_steps_and_not_the_result(
        self, cache: Caller, itersize: int
    ) -> None:
        keys = [f"key-{number:02}" for number in range(50)]
        cache.set_many(dict.fromkeys(keys, 1))
        assert sorted(set(cache.iter_keys("*", itersize=itersize))) == keys
        assert sorted(cache.keys("*", itersize=itersize)) == keys
        assert cache.delete_pattern("*", itersize=itersize) == 50

    @pytest.mark.parametrize("prefix", HARD_PREFIXES)
    def test_a_prefix_is_taken_literally(self, make: Make, prefix: str) -> None:
        cache = make(KEY_PREFIX=f"hard-{prefix}")
        others = [make(KEY_PREFIX=other) for other in ("hard-", "hard-a", "hard-a:", "hard-test")]
        for other in others:
            other.set("b:1:theirs", 1)
        cache.set("a:mine", 1)
        assert cache.keys("*") == cache.iter_keys("*") == ["a:mine"]
        assert cache.delete_pattern("*") == 1
        cache.set("a:mine", 1)
        cache.clear()
        assert cache.has_key("a:mine") is False
        for other in others:
            assert other.keys("*") == ["b:1:theirs"]

    def test_a_key_function_around_the_key_is_undone(self, make: Make) -> None:
        cache = make(KEY_FUNCTION=reversing, KEY_PATTERN_FUNCTION=reversing)
        cache.set_many({"a|b": 1, "c": 1})
        cache.set("a", 1, version=2)
        assert sorted(cache.keys("*")) == sorted(cache.iter_keys("*")) == ["a|b", "c"]
        assert cache.delete_pattern("a*") == 1
        assert cache.get_many(["a|b", "c"]) == {"c": 1}

    def test_another_key_function_is_undone_by_its_reverse(self, make: Make) -> None:
        cache = make(KEY_FUNCTION=hiding, REVERSE_KEY_FUNCTION=shown)
        cache.set_many({"abc": 1, "abd": 1})
        cache.set("abc", 1, version=2)
        make().set("abe", 1)
        assert sorted(cache.keys("*")) == sorted(cache.iter_keys("*")) == ["abc", "abd"]
        assert cache.keys("?b[a-c]") == ["abc"]
        assert cache.delete_pattern("ab*") == 2
        assert cache.get("abc", version=2) == 1
        with pytest.raises(ImproperlyConfigured, match="KEY_PATTERN_FUNCTION"):
            cache.clear()
        cache.delete("abc", version=2)

    def test_without_a_reverse_the_error_says_what_is_needed(self, make: Make) -> None:
        cache = make(KEY_FUNCTION=hiding)
        cache.set("abc", 1)
        assert cache.get("abc") == 1
        for call in (cache.keys, cache.iter_keys, cache.delete_pattern):
            with pytest.raises(ImproperlyConfigured, match="REVERSE_KEY_FUNCTION"):
                call("*")
        with pytest.raises(ImproperlyConfigured, match="KEY_PATTERN_FUNCTION"):
            cache.clear()
        assert cache.delete("abc") is True

    def test_delete_pattern_deletes_what_matches_and_counts_it(self, cache: Caller) -> None:
        cache.set_many({"foo-1": 1, "foo-2": 1, "bar": 1})
        assert cache.delete_pattern("foo-*") == 2
        assert cache.keys("*") == ["bar"]
        assert cache.delete_pattern("foo-*") == 0

    def test_delete_pattern_takes_another_prefix(self, cache: Caller, make: Make) -> None:
        other = make()
        other.set_many({"foo-1": 1, "bar": 1})
        assert cache.delete_pattern("foo-*", prefix=other.cache.key_prefix) == 1
        assert other.keys("*") == ["bar"]

    def test_delete_pattern_of_five_thousand_keys(self, cache: Caller) -> None:
        cache.set_many({f"key-{number}": number for number in range(5000)})
        cache.set("other", 1)
        assert cache.delete_pattern("key-*") == 5000
        assert cache.keys("*") == ["other"]

    def test_clear_empties_this_cache_in_all_versions(self, cache: Caller, make: Make) -> None:
        other = make()
        other.set("k", 1)
        cache.set("k", 1)
        cache.set("k", 1, version=2)
        assert cache.clear() is True
        assert cache.has_key("k") is False
        assert cache.has_key("k", version=2) is False
        assert other.get("k") == 1

    def test_clear_flushes_the_database_where_settings_say_so(
        self, cache: Caller, make: Make
    ) -> None:
        flushing = make({"CLEAR": "flushdb"})
        cache.set("k", 1)
        flushing.set("k", 1)
        assert flushing.clear() is True
        assert cache.has_key("k") is flushing.has_key("k") is False

    def test_clear_without_a_prefix_flushes_the_database(self, cache: Caller, make: Make) -> None:
        cache.set("k", 1)
        assert make(KEY_PREFIX="").clear() is True
        assert cache.has_key("k") is False
