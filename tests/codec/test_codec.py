"""The way of a value through the codec: ints pass by, the rest is serialized and compressed."""

from __future__ import annotations

import enum
import logging
import pickle
import random
import sys
import threading

import pytest
from django.utils.functional import SimpleLazyObject, lazystr

from django_redis_core import signals
from django_redis_core._codec.codec import MISSING, Codec, reads_as_int
from django_redis_core._plugins.defaults.pickle import PickleSerializer
from django_redis_core._plugins.registry import registry
from django_redis_core.exceptions import SerializationError


class Level(enum.IntEnum):
    LOW = 5
    DIGIT = 53


class Meters(int):
    pass


def plugin(kind, name, **options):
    return registry.plugin(kind, name, "test")(**options)


def serializers(*names):
    return [plugin("serializer", name) for name in names]


def compressors(*names):
    return [plugin("compressor", name) for name in names]


def codec(*serializer_names, compress_with=(), **options):
    options.setdefault("report", report_nothing)
    return Codec(
        serializers(*serializer_names or ("pickle",)), compressors(*compress_with), **options
    )


def report_nothing(key, data, error):
    raise AssertionError(f"{key!r} cannot be read") from error


@pytest.fixture
def reports():
    return []


@pytest.fixture
def reporting(reports):
    """A codec whose reports are kept, by its serializers and compressors."""

    def make(*serializer_names, **options):
        return codec(*serializer_names, report=lambda *report: reports.append(report), **options)

    return make


class TestInts:
    @pytest.mark.parametrize(
        "value", [0, 1, -1, 9, 2**63 - 1, -(2**63), 2**64, 10**4299, -(10**4299)], ids=hash
    )
    def test_any_size_is_stored_as_its_digits(self, value):
        stored = codec(compress_with=["zlib"]).encode("k", value)
        assert stored == str(value).encode()
        back = codec(compress_with=["zlib"]).decode("k", stored)
        assert type(back) is int
        assert back == value

    @pytest.mark.parametrize("value", [10**4300, -(10**5000)], ids=["4301 digits", "5001 digits"])
    def test_more_digits_than_python_reads_are_refused_when_written(self, value):
        assert sys.get_int_max_str_digits() == 4300
        with pytest.raises(SerializationError, match=r"'k'.*int"):
            codec().encode("k", value)

    @pytest.mark.parametrize("value", [True, False, Level.LOW, Meters(7)], ids=repr)
    def test_a_bool_or_another_subclass_keeps_its_type(self, value):
        stored = codec().encode("k", value)
        assert stored == pickle.dumps(value)
        back = codec().decode("k", stored)
        assert type(back) is type(value)
        assert back == value

    @pytest.mark.parametrize("name", ["pickle", "json", "msgpack"])
    @pytest.mark.parametrize("value", [True, False])
    def test_a_bool_is_a_bool_in_every_format(self, name, value):
        assert codec(name).decode("k", codec(name).encode("k", value)) is value

    @pytest.mark.parametrize("name", ["json", "msgpack"])
    def test_a_format_without_types_refuses_a_subclass_by_key_and_type(self, name):
        with pytest.raises(SerializationError, match="':1:k', of type Meters"):
            codec(name).encode(":1:k", Meters(7))

    @pytest.mark.parametrize("name", ["json", "msgpack"])
    @pytest.mark.parametrize("value", [*Level, SimpleLazyObject(lambda: Level.DIGIT)], ids=repr)
    def test_a_member_of_an_enumeration_is_its_value_in_a_format_without_types(self, name, value):
        """MessagePack's byte for 53 is the digit 5."""
        back = codec(name).decode("k", codec(name).encode("k", value))
        assert type(back) is int
        assert back == value

    @pytest.mark.parametrize("name", ["pickle", "json", "msgpack"])
    @pytest.mark.parametrize("value", [5, -1, True, [5], {"a": None}, 1.5, None], ids=repr)
    def test_a_lazy_object_is_what_it_stands_for(self, name, value):
        lazy = SimpleLazyObject(lambda: value)
        back = codec(name).decode("k", codec(name).encode("k", lazy))
        assert back == value
        if value.__class__ is int:
            assert codec(name).encode("k", lazy) == b"%d" % value

    @pytest.mark.parametrize("name", ["pickle", "json", "msgpack"])
    def test_lazy_text_is_text(self, name):
        assert str(codec(name).decode("k", codec(name).encode("k", lazystr("text")))) == "text"

    def test_what_a_lazy_object_raises_is_its_own(self):
        def fails():
            raise LookupError("the site's")

        with pytest.raises(LookupError, match="the site's"):
            codec("json").encode("k", SimpleLazyObject(fails))

    @pytest.mark.parametrize("text", ["12", "-1", "", "007", "1.5"])
    @pytest.mark.parametrize("name", ["pickle", "json", "msgpack"])
    def test_a_str_of_digits_stays_a_str(self, name, text):
        assert codec(name).decode("k", codec(name).encode("k", text)) == text

    @pytest.mark.parametrize(
        ("data", "reads"),
        [
            (b"0", True),
            (b"-12", True),
            (b"007", True),
            (b"", False),
            (b"-", False),
            (b"--1", False),
            (b"+1", False),
            (b"1.5", False),
            (b" 1", False),
            (b"1_000", False),
            ("١٢".encode(), False),
        ],
    )
    def test_what_reads_as_an_int(self, data, reads):
        assert reads_as_int(data) is reads

    def test_a_serializer_that_writes_digits_for_another_type_is_refused(self):
        class Digits(PickleSerializer):
            def dumps(self, value):
                return b"12"

        wrong = Codec([Digits()], report=report_nothing)
        with pytest.raises(SerializationError, match="'k', of type str, serializes to digits"):
            wrong.encode("k", "twelve")


class TestWhatCannotBeStored:
    @pytest.mark.parametrize("name", ["pickle", "json", "msgpack"])
    @pytest.mark.parametrize(
        "value", [threading.Lock(), (n for n in "x"), {"a": [threading.Lock()]}], ids=type
    )
    def test_it_is_refused_by_key_and_type(self, name, value):
        with pytest.raises(SerializationError) as caught:
            codec(name).encode(":1:k", value)
        assert "':1:k'" in str(caught.value)
        assert type(value).__name__ in str(caught.value)
        assert caught.value.__cause__ is not None
        assert isinstance(caught.value, pickle.PicklingError)

    def test_whatever_a_value_raises_is_that_error(self):
        class Hostile:
            def __reduce__(self):
                raise ZeroDivisionError("of its own")

        with pytest.raises(SerializationError, match=r"Hostile.*of its own"):
            codec().encode("k", Hostile())


class TestSeveralFormats:
    VALUES = [None, True, "text", 1.5, [1, {"a": None}], {}, [], "", {"x": "y" * 500}]

    @pytest.mark.parametrize("old", ["pickle", "json", "msgpack"])
    @pytest.mark.parametrize("new", ["pickle", "json", "msgpack"])
    def test_the_first_serializer_writes_and_all_read(self, old, new):
        both = codec(new, *({old} - {new}))
        for value in self.VALUES:
            assert both.encode("k", value) == codec(new).encode("k", value)
            assert both.decode("k", codec(old).encode("k", value)) == value

    @pytest.mark.parametrize("old", ["zlib", "gzip", "lz4", "lzma", "zstd"])
    @pytest.mark.parametrize("new", ["zlib", "gzip", "lz4", "lzma", "zstd"])
    def test_the_first_compressor_writes_and_all_read(self, old, new):
        names = [new, *({old} - {new})]
        both = codec(compress_with=names)
        for value in self.VALUES:
            assert both.encode("k", value) == codec(compress_with=[new]).encode("k", value)
            assert both.decode("k", codec(compress_with=[old]).encode("k", value)) == value

    def test_plain_values_stay_readable_when_a_compressor_comes(self):
        for value in self.VALUES:
            assert codec(compress_with=["zstd"]).decode("k", codec().encode("k", value)) == value

    @pytest.mark.parametrize("name", ["zlib", "gzip", "lz4", "lzma", "zstd"])
    def test_with_identity_first_nothing_is_compressed_and_all_is_read(self, name):
        ending = codec(compress_with=[name], compress=False)
        for value in self.VALUES:
            assert ending.encode("k", value) == pickle.dumps(value)
            assert ending.decode("k", codec(compress_with=[name]).encode("k", value)) == value

    def test_an_unknown_format_is_a_miss_with_the_first_error(self, reporting, reports):
        assert reporting("json", "msgpack").decode("k", pickle.dumps({"a": 1})) is MISSING
        assert len(reports) == 1


class Raw(PickleSerializer):
    """Bytes as they are, so that a test can choose what the compressor sees."""

    def dumps(self, value):
        return value

    def loads(self, data):
        return data


class TestCompression:
    @pytest.mark.parametrize("name", ["zlib", "gzip", "lz4", "lzma", "zstd"])
    @pytest.mark.parametrize("length", [0, 5, 15, 16, 100, 101, 5000])
    def test_a_payload_that_looks_like_a_frame_comes_back(self, name, length):
        compressor = plugin("compressor", name)
        both = Codec([Raw()], [compressor], report=report_nothing)
        noise = random.Random(length).randbytes(length)
        for magic in compressor.magic:
            for payload in (magic + noise, magic + b"a" * length, compressor.compress(noise)):
                stored = both.encode("k", payload)
                assert stored != payload
                assert both.decode("k", stored) == payload

    def test_a_payload_that_looks_like_a_frame_of_an_older_compressor_comes_back(self):
        both = Codec([Raw()], compressors("zstd", "zlib"), report=report_nothing)
        for payload in (b"\x78\x9c", b"\x78\x9cshort", b"\x78\x9c" + bytes(500)):
            stored = both.encode("k", payload)
            assert compressors("zstd")[0].recognises(stored)
            assert both.decode("k", stored) == payload

    def test_only_long_values_are_compressed(self):
        zlib = codec(compress_with=["zlib"])
        assert zlib.encode("k", "short") == pickle.dumps("short")
        assert len(zlib.encode("k", "x" * 1000)) < 100

    def test_a_bomb_is_a_miss(self, reporting, reports):
        bomb = plugin("compressor", "zstd").compress(pickle.dumps(bytes(10**7)))
        small = Codec(
            serializers("pickle"),
            [plugin("compressor", "zstd", max_length=10**6)],
            report=lambda *report: reports.append(report),
        )
        assert small.decode("k", bomb) is MISSING
        assert "1000000 bytes" in str(reports[0][2])


class TestWhatCannotBeRead:
    DAMAGED = [
        b"",
        b"garbage",
        pickle.dumps([1, 2, 3])[:-2],
        b"cnowhere\nNothing\n.",
        b"\x78\x9cgarbage",
        b"\x28\xb5\x2f\xfd",
        b"1" * 5000,
    ]

    @pytest.mark.parametrize("data", DAMAGED, ids=lambda data: repr(data[:12]))
    @pytest.mark.parametrize("name", ["pickle", "json", "msgpack"])
    def test_it_is_a_miss_that_is_reported_with_key_data_and_error(
        self, reporting, reports, name, data
    ):
        damaged = reporting(name, compress_with=["zlib", "zstd"])
        assert damaged.decode(":1:k", data) is MISSING
        ((key, reported, error),) = reports
        assert (key, reported) == (":1:k", data)
        assert isinstance(error, Exception)

    def test_missing_is_falsy_and_nobodys_value(self):
        assert not MISSING
        assert repr(MISSING) == "MISSING"


class TestInACache:
    """What a site sees of entries that cannot be read."""

    @pytest.fixture
    def cache(self, make_cache):
        return make_cache({"COMPRESSOR": "zlib"}, KEY_PREFIX="codec-unreadable")

    @pytest.fixture
    def damaged(self, cache, redis_server):
        """Ten keys with damage of two sorts."""
        keys = [f"k{n}" for n in range(10)]
        with redis_server.client() as client:
            for number, key in enumerate(keys):
                data = b"\x78\x9cgarbage" if number % 2 else b"garbage"
                client.set(cache.make_key(key), data)
        return keys

    def test_each_is_signalled_and_each_sort_logged_once(self, cache, damaged, caplog):
        seen = []

        def receive(sender, **details):
            seen.append((sender, details["key"], details["size"], type(details["exception"])))

        signals.value_unreadable.connect(receive)
        try:
            with caplog.at_level(logging.WARNING):
                assert [cache.get(key, "missed") for key in damaged] == ["missed"] * 10
        finally:
            signals.value_unreadable.disconnect(receive)
        assert [key for _, key, _, _ in seen] == [cache.make_key(key) for key in damaged]
        assert {size for _, _, size, _ in seen} == {7, 9}
        assert len(caplog.records) == len({sort for *_, sort in seen}) == 2
        assert not any(key in caplog.text for key in damaged), "keys are not logged"

    def test_the_others_of_a_get_many_are_returned(self, cache, damaged):
        cache.set("fine", [1])
        assert cache.get_many([*damaged, "fine"]) == {"fine": [1]}

    def test_it_stays_until_it_is_overwritten(self, cache, damaged):
        assert cache.get("k0") is None
        assert cache.has_key("k0")
        cache.set("k0", "better")
        assert cache.get("k0") == "better"

    def test_it_is_deleted_where_the_cache_says_so(self, make_cache, redis_server):
        deleting = make_cache({"DELETE_UNREADABLE": True})
        with redis_server.client() as client:
            client.set(deleting.make_key("k"), b"garbage")
            assert deleting.get("k", "missed") == "missed"
            assert not client.exists(deleting.make_key("k"))


VALUES = [
    pytest.param(["text", {"a": 1}, None, 1.5], id="no ints"),
    pytest.param(["text", 5, -5, True, 0, 2**63], id="ints"),
    pytest.param([1, 2, 3], id="ints only"),
    pytest.param([], id="none"),
    pytest.param([SimpleLazyObject(lambda: 7), lazystr("lazy"), "text"], id="lazy ones"),
    pytest.param([-1.5, "-", ":", ""], id="what begins as a number"),
]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["pickle"], {}),
        (["json"], {}),
        (["msgpack"], {}),
        (["pickle", "json"], {"compress_with": ["zlib"]}),
        (["pickle"], {"sealer": True}),
    ],
)
def test_many_values_are_encoded_and_decoded_as_one_is(names, options, values):
    if "sealer" in options:
        options = {"sealer": plugin("sealer", "signed", key="k" * 40)}
    this = codec(*names, **options)
    keys = [f"k{place}" for place in range(len(values))]
    stored = this.encode_many(keys, values)
    assert stored == [this.encode(key, value) for key, value in zip(keys, values, strict=True)]
    read = [this.decode(key, data) for key, data in zip(keys, stored, strict=True)]
    assert this.decode_many(keys, stored) == read
    assert this.decode_many(["gone", *keys], [None, *stored]) == [MISSING, *read]


def test_another_encode_of_a_codec_is_that_of_many_values_too():
    this = codec()
    this.encode = lambda key, value: b"own"
    assert this.encode_many(["a", "b"], [1, "x"]) == [b"own", b"own"]


def test_digits_that_a_serializer_makes_are_refused_among_many():
    class Digits(PickleSerializer):
        name = "digits"

        def dumps(self, value):
            return b"12" if value == "x" else super().dumps(value)

    this = Codec([Digits()], report=report_nothing)
    with pytest.raises(SerializationError, match=r"'b'.*serializes to digits"):
        this.encode_many(["a", "b"], ["readable", "x"])
