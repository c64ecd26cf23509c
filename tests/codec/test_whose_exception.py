"""What strikes while a value is read or written is not the value's fault, and comes out as itself.

A signal here is raised in the middle of reading or writing, so that its handler runs there.
"""

from __future__ import annotations

import ctypes
import json
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any

import pytest

from django_redis_core import signals
from django_redis_core._codec.codec import MISSING, Codec
from django_redis_core._options.option import importable
from django_redis_core._plugins.defaults.pickle import PickleSerializer
from django_redis_core._plugins.registry import registry
from django_redis_core.exceptions import PluginLoadError, SerializationError
from django_redis_core.interfaces import Serializer
from django_redis_core.testing.fixtures import MakeCache


class Limit(Exception):
    """A task's time limit."""


class LimitOfValue(ValueError):
    """One that is of a class which speaks of values as a rule."""


class LimitOfBase(BaseException):
    pass


class Trouble(Exception):
    """A library's own exception."""


raising: type[BaseException] = Limit


def by_signal() -> None:
    signal.raise_signal(signal.SIGUSR1)


def by_thread() -> None:
    """What another thread does, done by this one."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(threading.get_ident()), ctypes.py_object(raising)
    )
    while True:
        pass


def memory() -> None:
    raise MemoryError


def bug() -> None:
    raise Trouble


def mistake() -> None:
    raise ValueError("not of this format")


struck_by: Callable[[], None] | None = None


class Value:
    """Something happens while it is pickled or unpickled."""

    def __getstate__(self) -> dict[str, Any]:
        if struck_by is not None:
            struck_by()
        return {"a": 1}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if struck_by is not None:
            struck_by()


@pytest.fixture
def strike(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``strike(way, kind)``: from now on that happens."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise raising

    before = signal.signal(signal.SIGUSR1, handler)

    def begin(way: Callable[[], None] | None, kind: type[BaseException] = Limit) -> None:
        monkeypatch.setattr(sys.modules[__name__], "struck_by", way)
        monkeypatch.setattr(sys.modules[__name__], "raising", kind)

    yield begin
    signal.signal(signal.SIGUSR1, before)


def plugin(kind: str, name: str, **options: Any) -> Any:
    return registry.plugin(kind, name, "test")(**options)


CODECS: dict[str, dict[str, Any]] = {
    "pickle": {"serializers": ["pickle"]},
    "two serializers": {"serializers": ["pickle", "json"]},
    "compressed": {"serializers": ["pickle"], "compressors": ["zlib"]},
    "signed": {"serializers": ["pickle"], "sealer": "signed"},
    "two, signed": {"serializers": ["pickle", "json"], "compressors": ["lz4"], "sealer": "signed"},
}


@pytest.fixture
def reports() -> list[Any]:
    return []


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest, reports: list[Any]) -> Codec:
    names = CODECS[request.param]
    return Codec(
        [plugin("serializer", name) for name in names["serializers"]],
        [plugin("compressor", name) for name in names.get("compressors", ())],
        plugin("sealer", names["sealer"], key="k" * 40) if "sealer" in names else None,
        report=lambda *report: reports.append(report),
    )


OTHERS = [
    pytest.param(by_signal, Limit, id="signal"),
    pytest.param(by_signal, LimitOfValue, id="signal, a ValueError"),
    pytest.param(by_signal, LimitOfBase, id="signal, a BaseException"),
    pytest.param(by_signal, SerializationError, id="signal, of our own classes"),
    pytest.param(by_thread, Limit, id="thread"),
    pytest.param(by_thread, LimitOfValue, id="thread, a ValueError"),
    pytest.param(by_thread, LimitOfBase, id="thread, a BaseException"),
    pytest.param(memory, MemoryError, id="memory"),
    pytest.param(bug, Trouble, id="a class of the site's"),
]


@pytest.mark.parametrize(("way", "kind"), OTHERS)
class TestWhatIsNotOfTheValue:
    def test_comes_out_of_reading(
        self, codec: Codec, reports: list[Any], strike: Any, way: Any, kind: Any
    ) -> None:
        data = codec.encode("k", Value())
        strike(way, kind)
        for read in (
            lambda: codec.decode("k", data),
            lambda: codec.decode_many(["a", "k"], [b"1", data]),
            lambda: codec.decode_many(["k", "k"], [data, data]),
            lambda: codec.recoded("k", data),
        ):
            with pytest.raises(kind) as raised:
                read()
            assert type(raised.value) is kind
        assert reports == []

    def test_comes_out_of_writing(self, codec: Codec, strike: Any, way: Any, kind: Any) -> None:
        strike(way, kind)
        for write in (
            codec.encode,
            codec.encode_element,
            codec.encode_member,
            codec.encode_scored,
            lambda key, value: codec.encode_many([key], [value]),
            lambda key, value: codec.encode_many([key, "n"], [value, 1]),
        ):
            with pytest.raises(kind) as raised:
                write("k", Value())
            assert type(raised.value) is kind
            assert raised.value.__cause__ is None

    def test_comes_out_of_every_operation_and_deletes_nothing(
        self, make_cache: MakeCache, strike: Any, way: Any, kind: Any
    ) -> None:
        cache = make_cache({"DELETE_UNREADABLE": True})
        cache.set_many({"k": Value(), "n": 1})
        cache.rpush("list", Value())
        cache.hset("hash", "field", Value())
        heard: list[Any] = []

        def receive(**details: Any) -> None:
            heard.append(details)

        signals.value_unreadable.connect(receive)
        strike(way, kind)
        try:
            for call in (
                lambda: cache.get("k"),
                lambda: cache.get_many(["n", "k"]),
                lambda: cache.get_or_set("k", "computed"),
                lambda: cache.lrange("list", 0, -1),
                lambda: cache.hgetall("hash"),
                lambda: cache.set("new", Value()),
            ):
                with pytest.raises(kind) as raised:
                    call()
                assert type(raised.value) is kind
        finally:
            signals.value_unreadable.disconnect(receive)
        strike(None)
        assert heard == []
        assert isinstance(cache.get("k"), Value)
        assert cache.has_key("new") is False


@pytest.mark.parametrize(("way", "kind"), OTHERS[:7])
def test_a_limit_ends_a_pipeline_and_is_no_result_of_it(
    make_cache: MakeCache, strike: Any, way: Any, kind: Any
) -> None:
    cache = make_cache()
    cache.set_many({"k": Value(), "n": 1})
    pipe = cache.pipeline()
    pipe.get("k")
    pipe.get("n")
    strike(way, kind)
    with pytest.raises(kind):
        pipe.execute(raise_on_error=False)


def test_what_is_of_the_value_is_a_miss_as_ever(
    codec: Codec, reports: list[Any], strike: Any
) -> None:
    data, other = codec.encode("k", Value()), codec.encode("l", Value())
    strike(mistake)
    assert codec.decode("k", data) is MISSING
    assert codec.decode_many(["a", "k", "b"], [b"1", data, b"2"]) == [1, MISSING, 2]
    assert codec.decode_many(["k", "l"], [data, other]) == [MISSING, MISSING]
    assert [key for key, *_ in reports] == ["k", "k", "k", "l"]
    assert {str(error) for *_, error in reports} == {"not of this format"}
    for write in (
        lambda: codec.encode("k", Value()),
        lambda: codec.encode_many(["a", "k"], ["readable", Value()]),
    ):
        with pytest.raises(SerializationError, match=r"'k'.*not of this format"):
            write()


class Own(Serializer):
    name = "own"

    def dumps(self, value: Any) -> bytes:
        raise Trouble("cannot be written")

    def loads(self, data: bytes) -> Any:
        raise Trouble("cannot be read")


class Naming(Own):
    errors = (Trouble,)


def test_a_serializer_names_the_exceptions_of_its_library(reports: list[Any]) -> None:
    naming = Codec([Naming()], report=lambda *report: reports.append(report))
    assert naming.decode("k", b"x") is MISSING
    assert len(reports) == 1
    with pytest.raises(SerializationError, match="cannot be written"):
        naming.encode("k", "x")
    other = Codec([Own()], report=lambda *report: reports.append(report))
    with pytest.raises(Trouble):
        other.decode("k", b"x")
    with pytest.raises(Trouble):
        other.encode("k", "x")


class Greedy(Own):
    name = "greedy"
    errors = (Exception,)


class Mistaken(Own):
    name = "mistaken"
    errors = ValueError  # type: ignore[assignment]


@pytest.mark.parametrize("cls", [Greedy, Mistaken])
def test_a_serializer_that_takes_all_for_its_own_is_refused(cls: type[Serializer]) -> None:
    with pytest.raises(PluginLoadError, match=r"`errors`.*time limit"):
        registry.plugin("serializer", f"{__name__}.{cls.__name__}", "test")


def down(frames: int, function: Callable[[], Any]) -> Any:
    return function() if frames <= 0 else down(frames - 1, function)


def test_a_callers_own_depth_is_no_fault_of_the_value(reports: list[Any]) -> None:
    codec = Codec([PickleSerializer()], report=lambda *report: reports.append(report))
    data = codec.encode("k", Value())
    limit, reached = sys.getrecursionlimit(), 0
    for frames in range(limit - 200, limit):
        try:
            assert isinstance(down(frames, lambda: codec.decode("k", data)), Value)
        except RecursionError:
            reached += 1
    assert reached
    assert reports == []


def test_a_value_that_is_too_deep_is_a_miss(reports: list[Any]) -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    with pytest.raises(RecursionError):
        json.loads(deep)
    codec = Codec([plugin("serializer", "json")], report=lambda *report: reports.append(report))
    assert codec.decode("k", deep) is MISSING
    assert len(reports) == 1


def test_a_limit_comes_out_of_a_signals_receiver(make_cache: MakeCache, strike: Any) -> None:
    """Whose own exceptions Django logs."""
    cache = make_cache()
    cache.set("k", Value())

    def receive(**details: Any) -> None:
        by_signal()

    signals.value_unreadable.connect(receive)
    strike(mistake)
    try:
        with pytest.raises(Limit):
            cache.get("k")
    finally:
        signals.value_unreadable.disconnect(receive)


def test_a_limit_comes_out_of_the_first_use_of_a_cache(
    monkeypatch: pytest.MonkeyPatch, strike: Any
) -> None:
    """Which imports what settings name."""

    class Slow(ModuleType):
        def __getattr__(self, name: str) -> Any:
            by_signal()

    monkeypatch.setitem(sys.modules, "slow_to_import", Slow("slow_to_import"))
    strike(None)
    with pytest.raises(Limit):
        importable("slow_to_import.function")
    with pytest.raises(Limit):
        registry.plugin("serializer", "slow_to_import.Serializer", "test")


def test_pickles_own_exceptions_are_of_the_value(reports: list[Any]) -> None:
    codec = Codec([PickleSerializer()], report=lambda *report: reports.append(report))
    for data in (b"", b"x", b"cnowhere\nx\n.", b"cos\nnowhere\n.", pickle.dumps([1])[:-1]):
        assert codec.decode("k", data) is MISSING
    assert len(reports) == 5
