"""The core's own pickle keeps the contract, and plugins that are wrong do not pass it."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import os
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

    def __init__(self) -> None:
        self.secrets = self.all_secrets()

    def seal(self, key: str, data: bytes) -> bytes:
        return b"m" + self.mac(self.secrets[0], key, data) + data

    def unseal(self, key: str, data: bytes) -> bytes:
        mac, plain = data[1 : self.length + 1], data[self.length + 1 :]
        for secret in self.secrets:
            if data[:1] == b"m" and hmac.compare_digest(mac, self.mac(secret, key, plain)):
                return plain
        raise SealError("not ours")

    def mac(self, secret: bytes, key: str, data: bytes) -> bytes:
        message = b"%d:%s%s" % (len(key), key.encode("utf-8", "surrogatepass"), data)
        return hmac.digest(secret, message, hashlib.sha256)[: self.length]

    def all_secrets(self) -> list[bytes]:
        from django.conf import settings

        return [each.encode() for each in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


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

    def mac(self, secret, key, data):
        return super().mac(secret, "", data)


class Bare(MacSealer):
    """Digits can come first, and nothing else after them."""

    def seal(self, key, data):
        return data

    def unseal(self, key, data):
        return data


class WithoutSecret(MacSealer):
    def all_secrets(self):
        return [b"everybody's"]


class WithoutFallbacks(MacSealer):
    def all_secrets(self):
        return super().all_secrets()[:1]


class CheckedTooLate(MacSealer):
    """Opens what it has not checked."""

    def unseal(self, key, data):
        return data[self.length + 1 :]


class Leaking(MacSealer):
    """Lets through an exception of its own."""

    def unseal(self, key, data):
        try:
            return super().unseal(key, data)
        except SealError as error:
            raise LookupError from error


class Salted(MacSealer):
    """Says that equal data gives equal bytes, and it does not."""

    def seal(self, key, data):
        return super().seal(key, os.urandom(8) + data)

    def unseal(self, key, data):
        return super().unseal(key, data)[8:]


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


@pytest.mark.parametrize(
    ("plugin", "test"),
    [
        (Bare, "test_a_pickle_of_somebody_else_is_never_loaded"),
        (CheckedTooLate, "test_a_pickle_of_somebody_else_is_never_loaded"),
        (CheckedTooLate, "test_damage_on_the_server_is_a_miss"),
        (Leaking, "test_damage_on_the_server_is_a_miss"),
        (Unbound, "test_a_value_copied_to_another_key_is_a_miss"),
        (Unbound, "test_an_element_copied_to_another_key_is_left_out"),
        (OfAnyFormat, "test_what_one_serializer_wrote_is_not_read_by_another"),
        (Salted, "test_members_are_found_where_equal_bytes_say_so"),
        (WithoutSecret, "test_the_secret_key_is_rotated_without_a_flush"),
        (WithoutFallbacks, "test_the_secret_key_is_rotated_without_a_flush"),
    ],
)
def test_a_wrong_sealer_does_not_pass_on_a_server(plugin, test, make_cache, unreadable, tmp_path):
    contract = contract_for(SealerContract, plugin)
    cache = contract.cached(make_cache)
    at_hand = {"cache": cache, "raw": cache.raw_client(), "make_cache": make_cache}
    at_hand |= {"unreadable": unreadable, "tmp_path": tmp_path}
    method = getattr(contract, test)
    arguments = {name: at_hand[name] for name in inspect.signature(method).parameters}
    with pytest.raises(AssertionError):
        method(**arguments)
