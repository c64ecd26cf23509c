"""What every serializer promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, ClassVar, Final

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from ..._codec.codec import MISSING, Codec, reads_as_int
from ...exceptions import SerializationError
from ..apart import in_a_child
from .damage import address_space_within, flipped, in_threads, inherited, soon, truncated
from .plugin import PluginContract
from .values import BASIC, CONTAINERS, MORE, ORDERED, SAMPLES, TEXTS, Level, basic, mutable, same

#: Read in all its damaged forms.
SAMPLE: list[Any] = [None, True, 7, 2.5, "text", {"a": [1, "b", {}], "ü": "x" * 40}]

_GIGABYTE = 1024**3

#: To find a value that is kept, and one that is not.
_tries = settings(max_examples=1000, database=None, suppress_health_check=list(HealthCheck))


class _Refused:
    def __repr__(self) -> str:
        return "REFUSED"


#: What ``SerializerContract.partly`` says of a value that cannot be stored.
REFUSED: Final = _Refused()


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

    ``partly`` are those of which only some values are kept. Its functions say what comes back for
    a value: the value itself, another one, or ``REFUSED``::

            keeps = {"bytes"}
            partly = {
                "datetime": lambda value: value if value.tzinfo else REFUSED,
                "Decimal": lambda value: value if value.is_finite() else REFUSED,
            }

    Many values of each are tried, of those that ``MORE`` of ``testing.contracts.values`` makes.
    """

    kind = "serializer"
    keeps: ClassVar[Set[str]] = frozenset(SAMPLES)
    changes: ClassVar[Mapping[str, Any]] = {}
    partly: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def values(self) -> st.SearchStrategy[Any]:
        """All that the format keeps, one inside the other."""
        kept = [MORE[name] for name in sorted(self.keeps) if name in MORE]
        kept += [MORE[name].filter(self.states_kept(name)) for name in sorted(self.partly)]
        one = st.one_of(basic, *kept)
        return one | st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3)

    def codec(self) -> Codec:
        return Codec([self.build()], report=lambda *args: None)

    def states_kept(self, what: str) -> Callable[[Any], bool]:
        """Whether ``partly`` states that a value is kept."""
        comes_back = self.partly[what]
        return lambda value: same(comes_back(value), value)

    def as_stated(self, what: str, value: Any) -> None:
        """``value`` is kept, changed or refused, as the class states it of the sample ``what``."""
        stated = self.stated_of(what, value)
        if stated is REFUSED:
            self.is_refused(what, value)
            return
        serializer = self.build()
        back = serializer.loads(serializer.dumps(value))
        came = f"{value!r} came back as {back!r}"
        if same(stated, value):
            assert same(back, value), (
                f"{what} is lost: refuse it in dumps, or say so in `changes` or `partly`: {came}"
            )
        else:
            assert not same(back, value), f"{what} is kept: say so in `keeps` or `partly`: {came}"
            assert same(back, stated), f"{what} comes back as something else than stated: {came}"

    def is_refused(self, what: str, value: Any) -> None:
        try:
            self.codec().encode("k", value)
        except SerializationError:
            pass
        else:
            pytest.fail(
                f"{what} is stored: refuse it in dumps, or say in `keeps`, `changes` or `partly` "
                f"what comes back for {value!r}"
            )

    def test_what_is_stated_names_samples_that_there_are(self) -> None:
        stated = [*self.keeps, *self.changes, *self.partly]
        assert set(stated) <= set(SAMPLES), f"the samples are {', '.join(SAMPLES)}"
        assert set(self.partly) <= set(MORE), "a sample of one value cannot be kept partly"
        twice = {what for what in stated if stated.count(what) > 1}
        assert not twice, f"{', '.join(sorted(twice))}: name it in one of the three"

    @pytest.mark.parametrize("value", BASIC, ids=lambda value: repr(value)[:20])
    @in_a_child
    def test_what_every_format_keeps(self, value: Any) -> None:
        serializer = self.build()
        data = serializer.dumps(value)
        assert type(data) is bytes
        assert same(serializer.loads(data), value)
        assert serializer.recognises(data)

    @pytest.mark.parametrize("what", list(SAMPLES))
    @in_a_child
    def test_what_is_kept_changed_or_refused(self, what: str) -> None:
        self.as_stated(what, SAMPLES[what])
        if what in self.partly:
            self.partly_as_stated(what)

    @pytest.mark.parametrize("outer", list(CONTAINERS))
    @in_a_child
    def test_what_is_one_level_down(self, outer: str) -> None:
        """Each sample and container in each container that the format takes, or makes another one
        of: there too it is kept, changed or refused as it is alone."""
        container: Callable[[Any], Any] = CONTAINERS[outer]
        becomes = self.stated_container(outer)
        if becomes is None:
            return  # refused, as another test sees, or changed into what holds nothing
        inner = {**SAMPLES, "list": [1, ["x"]], "dict": {"a": {"b": None}}}
        for what, value in inner.items():
            try:
                whole = container(value)
            except TypeError:
                continue  # a set of lists, which Python has not
            stated = self.stated_of(what, value) if what in SAMPLES else value
            if stated is not REFUSED:
                try:
                    stated = becomes(stated)
                except TypeError:
                    stated = REFUSED  # a set, of what would not be hashable any more
            self.comes_back_inside(outer, what, whole, stated)

    def stated_of(self, what: str, value: Any) -> Any:
        """What comes back for ``value``, a value of the sample ``what``."""
        if what in self.partly:
            return self.partly[what](value)
        return value if what in self.keeps else self.changes.get(what, REFUSED)

    def stated_container(self, outer: str) -> Callable[[Any], Any] | None:
        """What makes the container that comes back for one of the sample ``outer``."""
        if outer not in SAMPLES or outer in self.keeps:
            return CONTAINERS[outer]
        changed = type(self.changes.get(outer))
        if changed not in (list, tuple, set, frozenset):
            return None
        return lambda value: changed([value, value] if outer == "namedtuple" else [value])

    def comes_back_inside(self, outer: str, what: str, whole: Any, stated: Any) -> None:
        where = f"{what} in a {outer}"
        serializer = self.build()
        try:
            data = serializer.dumps(whole)
        except Exception as error:
            if stated is not REFUSED:
                pytest.fail(f"{where} is refused, and {what} alone is not: {error!r}")
            return
        back = serializer.loads(data)
        came = f"{whole!r} came back as {back!r}"
        assert stated is not REFUSED, f"{where} is stored, and {what} alone is refused: {came}"
        assert same(back, stated), f"{where} is lost: {came}, and not as {stated!r}"

    @in_a_child
    def test_text_comes_back_letter_by_letter(self) -> None:
        """With its ends and in its normal form, also as a key; two texts stay two."""
        serializer = self.build()
        whole = [
            *TEXTS,
            TEXTS,
            dict.fromkeys(TEXTS, 1),
            {"k": dict(zip(TEXTS, TEXTS, strict=True))},
        ]
        for value in whole:
            back = serializer.loads(serializer.dumps(value))
            assert same(back, value), f"text is changed: {value!a} came back as {back!a}"
        if "bytes" in self.keeps:
            for data in [text.encode() for text in TEXTS]:
                back = serializer.loads(serializer.dumps(data))
                assert same(back, data), f"bytes are changed: {data!r} came back as {back!r}"

    @in_a_child
    def test_dicts_keep_their_order(self) -> None:
        serializer = self.build()
        backwards = dict(reversed(ORDERED.items()))
        for value in (ORDERED, backwards, [ORDERED, backwards]):
            back = serializer.loads(serializer.dumps(value))
            assert back == value
            assert same(back, value), f"the order is lost: {value!r} came back as {back!r}"

    @in_a_child
    def test_each_reader_gets_a_value_of_its_own(self) -> None:
        """What one does to it, the next one must not see: nor who stored it."""
        serializer = self.build()
        kept = [SAMPLES[what] for what in SAMPLES if what in self.keeps]
        for value in [*BASIC, *kept, [kept, {"kept": kept}], {}, [], "text"]:
            data = serializer.dumps(value)
            one, other = serializer.loads(data), serializer.loads(bytes(bytearray(data)))
            again = serializer.loads(serializer.dumps(value))
            owned = [{id(part) for part in mutable(each)} for each in (value, one, other, again)]
            shared = sum(map(len, owned)) - len(set.union(*owned))
            assert not shared, f"{value!r} is handed out twice: loads must make a new one each time"

    def partly_as_stated(self, what: str) -> None:
        """Each of many values, of which some are kept and some are not."""
        is_kept = self.states_kept(what)
        for such, stated in (
            (is_kept, "no value is kept: leave it out, or say so in `changes`"),
            (lambda value: not is_kept(value), "all values are kept: say so in `keeps`"),
        ):
            try:
                find(MORE[what], such, settings=_tries)
            except NoSuchExample:
                pytest.fail(f"{what}: `partly` states that {stated}")

        @inherited
        @given(MORE[what])
        def each(value: Any) -> None:
            self.as_stated(what, value)

        each()

    @in_a_child
    @inherited
    @given(st.data())
    def test_values_come_back_with_their_types(self, data: st.DataObject) -> None:
        value = data.draw(self.values())
        serializer = self.build()
        assert same(serializer.loads(serializer.dumps(value)), value)

    @in_a_child
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
    @in_a_child
    def test_an_int_subclass_is_what_is_stated_or_refused(self, value: Level) -> None:
        """As one inside a list: it keeps its type, or is a plain int where ``changes`` says so."""
        serializer = self.build()
        try:
            data = serializer.dumps(value)
        except Exception:
            with pytest.raises(SerializationError, match="Level"):
                self.codec().encode("k", value)
        else:
            stated = int(value) if "int subclass inside" in self.changes else value
            assert same(serializer.loads(data), stated)
            assert same(self.codec().decode("k", self.codec().encode("k", value)), stated)

    def test_what_cannot_be_stored_is_refused_by_key_and_type(self) -> None:
        with pytest.raises(SerializationError, match=r"'k'.*generator"):
            self.codec().encode("k", (n for n in range(3)))

    @in_a_child
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

    @pytest.mark.parametrize("depth", [500, 10_000, 100_000])
    @in_a_child
    def test_a_deep_value_is_kept_or_refused(self, depth: int) -> None:
        value: list[Any] = []
        for _ in range(depth):
            value = [value]
        codec = self.codec()
        try:
            back = codec.decode("k", codec.encode("k", value))
        except SerializationError:
            back = None
        else:
            assert back is not MISSING, "stored, and cannot be read: refuse it in dumps"
        while value:  # step by step: Python 3.11 would recurse, also to forget them
            value = value[0]
            if back is not None:
                assert type(back) is list
                assert len(back) == 1
                (back,) = back
        assert back in (None, [])

    @in_a_child
    def test_a_truncated_value_is_an_error_or_another_value(self) -> None:
        self.survives(truncated(self.build().dumps(SAMPLE)))

    @in_a_child
    def test_a_damaged_value_is_an_error_or_another_value(self) -> None:
        self.survives(flipped(self.build().dumps(SAMPLE)))

    @in_a_child
    @inherited
    @given(st.binary(max_size=100))
    def test_foreign_bytes_are_an_error_or_a_value(self, data: bytes) -> None:
        self.survives([data])

    def survives(self, damaged: Any) -> None:
        """Reading each raises or returns, and the codec makes a miss of an error: of one of those
        that ``errors`` of the serializer has, or derives from."""
        serializer, missed = self.build(), []
        codec = Codec([serializer], report=lambda *report: missed.append(report))
        with address_space_within(_GIGABYTE):
            for data in damaged:
                with soon():
                    before = len(missed)
                    try:
                        value = codec.decode("k", data)
                    except MemoryError:  # as itself, for it may be the reader's and not the value's
                        assert len(missed) == before
                    else:
                        assert (value is MISSING) == (len(missed) > before)

    @in_a_child
    def test_it_goes_on_after_an_error(self) -> None:
        serializer = self.build()
        with pytest.raises(Exception):  # noqa: B017 - one of its `errors`
            serializer.dumps(n for n in range(3))
        with pytest.raises(Exception):  # noqa: B017
            serializer.loads(serializer.dumps(SAMPLE)[:-1])
        assert same(serializer.loads(serializer.dumps(SAMPLE)), SAMPLE)

    @in_a_child
    def test_threads_share_it(self) -> None:
        serializer = self.build()

        def work(number: int) -> None:
            for turn in range(100):
                value = [number, {"turn": turn, "text": "x" * (number * turn)}]
                assert same(serializer.loads(serializer.dumps(value)), value)

        in_threads(work)
