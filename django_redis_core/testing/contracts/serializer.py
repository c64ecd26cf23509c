"""What every serializer promises."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...codec import MISSING, Codec, reads_as_int
from ...exceptions import SerializationError
from .damage import address_space_within, flipped, in_threads, inherited, soon, truncated
from .plugin import PluginContract
from .values import BASIC, MORE, SAMPLES, Level, basic, same

#: Read in all its damaged forms.
SAMPLE: list[Any] = [None, True, 7, 2.5, "text", {"a": [1, "b", {}], "ü": "x" * 40}]

_GIGABYTE = 1024**3


class SerializerContract(PluginContract):
    """A serializer's tests. A complete test module::

        from django_redis_core.testing import SerializerContract

        class TestCbor(SerializerContract):
            name = "cbor"
            keeps = {"bytes", "int key"}
            changes = {"tuple": [1, ["x", None]]}

    Every format keeps None, bools, floats, str, lists, dicts with str keys, and ints of 64 bits
    inside them. ``keeps`` names which ``SAMPLES`` of ``testing.contracts.values`` come back equal
    and of the same type, whatever the value of that type; all, by default. ``changes`` are those
    that come back as something else, as the plugin's documentation says. Those in neither must be
    refused when they are written.
    """

    kind = "serializer"
    keeps: ClassVar[Set[str]] = frozenset(SAMPLES)
    changes: ClassVar[Mapping[str, Any]] = {}

    def values(self) -> st.SearchStrategy[Any]:
        """All that the format keeps, one inside the other."""
        kept = [MORE[name] for name in sorted(self.keeps) if name in MORE]
        one = st.one_of(basic, *kept)
        return one | st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3)

    def codec(self) -> Codec:
        return Codec([self.build()], report=lambda *args: None)

    def test_keeps_and_changes_name_samples_that_there_are(self) -> None:
        assert set(self.keeps) | set(self.changes) <= set(SAMPLES)
        assert not set(self.keeps) & set(self.changes)

    @pytest.mark.parametrize("value", BASIC, ids=lambda value: repr(value)[:20])
    def test_what_every_format_keeps(self, value: Any) -> None:
        serializer = self.build()
        data = serializer.dumps(value)
        assert type(data) is bytes
        assert same(serializer.loads(data), value)
        assert serializer.recognises(data)

    @pytest.mark.parametrize("what", list(SAMPLES))
    def test_what_is_kept_changed_or_refused(self, what: str) -> None:
        serializer, value = self.build(), SAMPLES[what]
        if what in self.keeps:
            back = serializer.loads(serializer.dumps(value))
            assert same(back, value), f"{what} is lost: refuse it in dumps, or say so in `changes`"
        elif what in self.changes:
            back = serializer.loads(serializer.dumps(value))
            assert same(back, self.changes[what])
            assert not same(back, value), f"{what} is kept: say so in `keeps`"
        else:
            with pytest.raises(SerializationError, match="'k'"):
                self.codec().encode("k", value)

    @inherited
    @given(st.data())
    def test_values_come_back_with_their_types(self, data: st.DataObject) -> None:
        value = data.draw(self.values())
        serializer = self.build()
        assert same(serializer.loads(serializer.dumps(value)), value)

    @inherited
    @given(st.data())
    def test_only_an_int_reads_as_an_int(self, data: st.DataObject) -> None:
        digits: st.SearchStrategy[Any] = st.integers().map(str)
        if "bytes" in self.keeps:
            digits |= st.integers().map(lambda number: b"%d" % number)
        value = data.draw(digits | self.values().filter(lambda value: type(value) is not int))
        serializer = self.build()
        stored = serializer.dumps(value)
        assert not reads_as_int(stored)
        assert serializer.recognises(stored)

    @pytest.mark.parametrize("value", [0, 7, 48, 53, -1, 300, 2**63 - 1])
    def test_an_int_is_itself_also_where_it_is_serialized(self, value: int) -> None:
        """Members of sorted sets are."""
        codec = self.codec()
        assert same(codec.decode("k", codec.encode_scored("k", value)), value)

    @pytest.mark.parametrize("value", list(Level))
    def test_an_int_subclass_keeps_its_type_or_is_refused(self, value: Level) -> None:
        serializer = self.build()
        try:
            data = serializer.dumps(value)
        except Exception:
            with pytest.raises(SerializationError, match="Level"):
                self.codec().encode("k", value)
        else:
            assert same(serializer.loads(data), value)

    def test_what_cannot_be_stored_is_refused_by_key_and_type(self) -> None:
        with pytest.raises(SerializationError, match=r"'k'.*generator"):
            self.codec().encode("k", (n for n in range(3)))

    def test_a_value_that_holds_itself_is_kept_or_refused(self) -> None:
        value: list[Any] = [1]
        value.append(value)
        codec = self.codec()
        try:
            data = codec.encode("k", value)
        except SerializationError:
            return
        back = codec.decode("k", data)
        assert back[1] is back

    def test_a_deep_value_is_kept_or_refused(self) -> None:
        value: list[Any] = []
        for _ in range(100_000):
            value = [value]
        with pytest.raises(SerializationError):
            self.codec().encode("k", value)
        while value:  # taken apart by hand: Python 3.11 would recurse
            value = value[0]

    def test_a_truncated_value_is_an_error_or_another_value(self) -> None:
        self.survives(truncated(self.build().dumps(SAMPLE)))

    def test_a_damaged_value_is_an_error_or_another_value(self) -> None:
        self.survives(flipped(self.build().dumps(SAMPLE)))

    @inherited
    @given(st.binary(max_size=100))
    def test_foreign_bytes_are_an_error_or_a_value(self, data: bytes) -> None:
        self.survives([data])

    def survives(self, damaged: Any) -> None:
        """Reading each raises or returns, and the codec makes a miss of an error."""
        serializer, missed = self.build(), []
        codec = Codec([serializer], report=lambda *report: missed.append(report))
        with address_space_within(_GIGABYTE):
            for data in damaged:
                with soon():
                    before = len(missed)
                    assert (codec.decode("k", data) is MISSING) == (len(missed) > before)

    def test_it_goes_on_after_an_error(self) -> None:
        serializer = self.build()
        with pytest.raises(Exception):  # noqa: B017 - of any type, as the interface says
            serializer.dumps(n for n in range(3))
        with pytest.raises(Exception):  # noqa: B017
            serializer.loads(serializer.dumps(SAMPLE)[:-1])
        assert same(serializer.loads(serializer.dumps(SAMPLE)), SAMPLE)

    def test_threads_share_it(self) -> None:
        serializer = self.build()

        def work(number: int) -> None:
            for turn in range(100):
                value = [number, {"turn": turn, "text": "x" * (number * turn)}]
                assert same(serializer.loads(serializer.dumps(value)), value)

        in_threads(work)
