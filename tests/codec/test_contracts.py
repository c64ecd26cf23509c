"""The core's own pickle keeps the contract, and plugins that are wrong do not pass it."""

from __future__ import annotations

import hashlib
import hmac
import time
import zlib

import pytest

from django_redis_core.exceptions import CompressorError, SealError
from django_redis_core.interfaces import Compressor, Sealer, Serializer
from django_redis_core.testing import CompressorContract, SealerContract, SerializerContract


class TestPickle(SerializerContract):
    name = "pickle"


class TestPickleProtocol0(SerializerContract):
    """Text, whose beginnings are those of JSON too."""

    name = "pickle"
    options = {"protocol": 0}


class MacSealer(Sealer):
    """A right one: the contract must pass it."""

    name = "mac"
    deterministic = True
    length = 32

    def seal(self, key: str, data: bytes) -> bytes:
        return b"m" + self.mac(key, data) + data

    def unseal(self, key: str, data: bytes) -> bytes:
        mac, plain = data[1 : self.length + 1], data[self.length + 1 :]
        if data[:1] != b"m" or not hmac.compare_digest(mac, self.mac(key, plain)):
            raise SealError("not ours")
        return plain

    def mac(self, key: str, data: bytes) -> bytes:
        message = b"%d:%s%s" % (len(key), key.encode("utf-8", "surrogatepass"), data)
        return hmac.digest(self.secret(), message, hashlib.sha256)[: self.length]

    def secret(self) -> bytes:
        from django.conf import settings

        return settings.SECRET_KEY.encode()


class TestMacSealer(SealerContract):
    """All but what a plugin that is not installed cannot show."""

    name = "mac"

    @classmethod
    def plugin_class(cls):
        return MacSealer

    test_nothing_is_imported_before_settings_name_it = None
    test_its_options_are_accepted_in_settings = None
    test_an_unknown_option_is_refused_by_name = None


def contract_for(base, plugin, **attributes):
    """The contract of an object of ``plugin``, whose tests can be called one by one."""
    attributes = {"name": plugin.name, "plugin_class": classmethod(lambda cls: plugin)} | attributes
    return type("TestWrong", (base,), attributes)()


class Zlib(Compressor):
    name = "wrong"
    magic = (b"\x78",)

    def compress(self, data):
        return zlib.compress(data)

    def decompress(self, data):
        try:
            return zlib.decompress(data)
        except zlib.error as error:
            raise CompressorError(str(error)) from error


class Stamping(Zlib):
    def compress(self, data):
        return zlib.compress(data) + int(time.time()).to_bytes(4)


class WithoutChecksum(Zlib):
    def compress(self, data):
        return b"\x78" + data

    def decompress(self, data):
        return data[1:]


class LeakingErrors(Zlib):
    def decompress(self, data):
        return zlib.decompress(data)


class Forgiving(Zlib):
    def decompress(self, data):
        try:
            return zlib.decompressobj().decompress(data, self.max_length + 1)[: self.max_length]
        except zlib.error as error:
            raise CompressorError(str(error)) from error


class OneForAll(Zlib):
    """Keeps a state that threads must not share."""

    def compress(self, data):
        self.data = data
        time.sleep(0.0001)
        return zlib.compress(self.data)


@pytest.mark.parametrize(
    ("plugin", "test", "arguments"),
    [
        (Zlib, "test_a_bomb_is_stopped_at_max_length", ()),
        (Zlib, "test_max_length_is_the_longest_value_that_is_read", ()),
        (Stamping, "test_equal_data_gives_equal_frames_whenever", ()),
        (WithoutChecksum, "test_a_damaged_bit_is_found_out_where_the_format_has_a_checksum", ()),
        (LeakingErrors, "test_a_truncated_frame_is_refused_at_every_offset", (b"x",)),
        (LeakingErrors, "test_foreign_bytes_give_the_compressors_own_error_or_bytes", ()),
        (Forgiving, "test_a_truncated_frame_is_refused_at_every_offset", (b"x",)),
        (Forgiving, "test_bytes_after_the_frame_are_refused", (b"x",)),
        (Forgiving, "test_two_frames_are_refused", ()),
        (OneForAll, "test_threads_share_it", ()),
    ],
)
def test_a_wrong_compressor_does_not_pass(plugin, test, arguments):
    with pytest.raises(BaseException) as caught:
        getattr(contract_for(CompressorContract, plugin), test)(*arguments)
    assert isinstance(caught.value, AssertionError | pytest.fail.Exception | zlib.error)


class Repr(Serializer):
    """Keeps what eval reads, and so digits, for which it has no mark."""

    name = "wrong"

    def dumps(self, value):
        return str(value).encode()

    def loads(self, data):
        return eval(data.decode(), {"__builtins__": {}})


@pytest.mark.parametrize(
    ("test", "arguments"),
    [
        ("test_what_every_format_keeps", ("text",)),
        ("test_what_is_kept_changed_or_refused", ("datetime",)),
        ("test_only_an_int_reads_as_an_int", ()),
        ("test_values_come_back_with_their_types", ()),
    ],
)
def test_a_wrong_serializer_does_not_pass(test, arguments):
    with pytest.raises((AssertionError, SyntaxError, NameError, ExceptionGroup)):
        getattr(contract_for(SerializerContract, Repr), test)(*arguments)


class Unbound(MacSealer):
    """Says nothing of the key."""

    def mac(self, key, data):
        return super().mac("", data)


class Bare(MacSealer):
    """Digits can come first, and nothing else after them."""

    def seal(self, key, data):
        return data

    def unseal(self, key, data):
        return data


class WithoutSecret(MacSealer):
    def secret(self):
        return b"everybody's"


class OfAnyFormat(MacSealer):
    """Does not care what wrote a value."""

    def bind(self, formats):
        return self


@pytest.mark.parametrize(
    ("plugin", "test", "arguments"),
    [
        (Unbound, "test_a_value_under_another_key_is_refused", (":2:k",)),
        (OfAnyFormat, "test_a_value_of_other_formats_is_refused", ()),
        (Bare, "test_nothing_sealed_reads_as_an_int", ()),
        (Bare, "test_every_flipped_bit_is_refused", (b"x",)),
        (Bare, "test_more_bytes_are_refused", ()),
        (Bare, "test_ints_stay_outside_and_the_rest_is_sealed", ()),
        (WithoutSecret, "test_what_a_site_with_another_secret_sealed_is_refused", ()),
    ],
)
def test_a_wrong_sealer_does_not_pass(plugin, test, arguments):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(contract_for(SealerContract, plugin), test)(*arguments)
