"""What every sealer promises, alone and on a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from ..._codec.codec import Codec, reads_as_int
from ..._plugins.defaults.pickle import PickleSerializer
from ...exceptions import SealError, SerializationError
from ..apart import in_a_child
from .damage import flipped, in_threads, inherited, soon, truncated
from .sealed import SealedCacheContract

KEY = ":1:k"
DATA = b"a value, as it was compressed"

#: Of 300 bytes.
LONG_KEYS = [(":1:" + "shop:customer/4711?page=" * 20)[:300], ":1:" + "Zürich-Süd:" * 22 + "x" * 11]

#: What somebody may write between a key and its data instead of a length.
SEPARATORS = ["\0", ":", "|", "\n", " ", ",", "/", ".", "-", "$", "\x1f", ": ", "--", "::"]


def other_keys(key: str) -> Iterator[str]:
    """``key`` with each bit of each of its bytes turned, where that is a text."""
    for flip in flipped(key.encode()):
        with suppress(UnicodeDecodeError):
            yield flip.decode()
    for place, letter in enumerate(key):  # of letters with several bytes, few flips are text
        yield key[:place] + chr(ord(letter) ^ 1) + key[place + 1 :]


class SealerContract(SealedCacheContract):
    """A sealer's tests. A complete test module::

        from django_redis_core.testing import SealerContract

        class TestSodium(SealerContract):
            name = "sodium"
            options = {"key": "one secret"}
            other_options = {"key": "another"}

    with ``pytest_plugins = ["django_redis_core.testing.fixtures"]`` in ``conftest.py``: what
    somebody who can write to the server cannot do is tested on a real one.

    ``other_options`` are those of a site with another secret. Where the secret derives from
    ``SECRET_KEY`` there are none: the other site also has another one of these, and what was
    sealed with one of ``SECRET_KEY_FALLBACKS`` must be read.
    """

    def refused(self, key: str, sealed: bytes) -> None:
        with soon(), pytest.raises(SealError):
            self.build().unseal(key, sealed)

    @in_a_child
    @inherited
    @given(st.text(max_size=50), st.binary(max_size=500))
    def test_what_was_sealed_comes_back(self, key: str, data: bytes) -> None:
        sealed = self.build().seal(key, data)
        assert type(sealed) is bytes
        plain = self.build().unseal(key, sealed)
        assert type(plain) is bytes
        assert plain == data

    @in_a_child
    @inherited
    @given(st.text(max_size=50), st.binary(max_size=50) | st.integers().map(lambda n: b"%d" % n))
    def test_nothing_sealed_reads_as_an_int(self, key: str, data: bytes) -> None:
        assert not reads_as_int(self.build().seal(key, data))

    @pytest.mark.parametrize("other", ["", ":1:", ":1:kk", ":2:k", ":1:K", "k", ":1:k "])
    def test_a_value_under_another_key_is_refused(self, other: str) -> None:
        self.refused(other, self.build().seal(KEY, DATA))

    def test_a_key_does_not_flow_into_the_data(self) -> None:
        sealed = self.build().seal("ab", b"cd")
        for key in ("a", "abc", "abcd"):
            self.refused(key, sealed)

    @pytest.mark.parametrize("key", LONG_KEYS, ids=["text", "ümläüts"])
    @in_a_child
    def test_every_part_of_a_long_key_counts(self, key: str) -> None:
        """Each bit of each byte, and its end."""
        sealer = self.build()
        sealed = sealer.seal(key, DATA)
        assert sealer.unseal(key, sealed) == DATA
        missed = []
        for other in [*other_keys(key), key[:-1], key[1:], f"{key} ", f"{key}\0", key.upper()]:
            try:
                sealer.unseal(other, sealed)
            except SealError:
                continue
            missed.append(other)
        if missed:
            at = [
                next(at for at, pair in enumerate(zip_longest(key, other)) if len({*pair}) > 1)
                for other in missed
            ]
            pytest.fail(
                f"the key is bound only in part: {len(missed)} other keys of {len(key)} letters "
                f"open it, which differ from letter {min(at)} to {max(at)}"
            )

    @pytest.mark.parametrize("separator", ["", *SEPARATORS], ids=repr)
    @in_a_child
    def test_key_and_data_cannot_be_cut_otherwise(self, separator: str) -> None:
        """Where the data can be seen in what is sealed, somebody may move its border to the key:
        ``seal("ab", b"c")`` must not be good for "a" and b"bc". The key's length is sealed too."""
        sealer = self.build()
        parts = ["cut-one", "cut-two", "cut-three"]
        whole = separator.join(parts)
        places = [len(separator.join(parts[:count])) for count in (1, 2)] if separator else [7, 14]
        cuts = [(whole[:at], whole[at + len(separator) :]) for at in places]
        for key, data in cuts:
            for mine, other in (((key, data), cut) for cut in cuts):
                for (name, plain), (other_name, other_plain) in (
                    (mine, other),
                    (mine[::-1], other[::-1]),
                ):
                    sealed = sealer.seal(name, plain.encode())
                    head, found, tail = sealed.partition(plain.encode())
                    if found and name != other_name:
                        self.refused(other_name, head + other_plain.encode() + tail)

    @in_a_child
    def test_no_byte_moves_between_key_and_sealed(self) -> None:
        """The same where the data cannot be seen: wherever in what is sealed it may begin."""
        sealed = self.build().seal(KEY, DATA)
        for at in range(len(sealed) + 1):
            before, byte, after = sealed[:at], sealed[at : at + 1], sealed[at + 1 :]
            for moved, rest in ((KEY[-1], KEY[:-1]), (KEY[0], KEY[1:])):
                self.refused(rest, before + moved.encode() + byte + after)
            if byte and byte.isascii():
                self.refused(KEY + byte.decode(), before + after)
                self.refused(byte.decode() + KEY, before + after)

    def test_a_value_of_other_formats_is_refused(self) -> None:
        bound, plugin = self.build().bind("json+zlib"), self.plugin_class()
        assert (bound.name, bound.deterministic) == (plugin.name, plugin.deterministic)
        sealed = bound.seal(KEY, DATA)
        assert self.build().bind("json+zlib").unseal(KEY, sealed) == DATA
        assert bound.bind("json+zlib").unseal(KEY, sealed) == DATA
        self.refused(KEY, sealed)
        for other in (self.build().bind("json+identity"), bound.bind("pickle+zlib")):
            with pytest.raises(SealError):
                other.unseal(KEY, sealed)

    @pytest.mark.parametrize("data", [b"", b"x", DATA], ids=len)
    @in_a_child
    def test_every_flipped_bit_is_refused(self, data: bytes) -> None:
        for damaged in flipped(self.build().seal(KEY, data)):
            self.refused(KEY, damaged)

    @pytest.mark.parametrize("data", [b"", b"x", DATA], ids=len)
    @in_a_child
    def test_every_truncation_is_refused(self, data: bytes) -> None:
        for damaged in truncated(self.build().seal(KEY, data)):
            self.refused(KEY, damaged)

    @in_a_child
    def test_more_bytes_are_refused(self) -> None:
        sealed = self.build().seal(KEY, DATA)
        for damaged in (sealed + b"\0", sealed + b"x", b"\0" + sealed, sealed * 2):
            self.refused(KEY, damaged)

    @in_a_child
    @inherited
    @given(st.binary(max_size=200))
    def test_what_nobody_sealed_is_refused(self, data: bytes) -> None:
        self.refused(KEY, data)

    def test_what_a_site_with_another_secret_sealed_is_refused(self) -> None:
        with override_settings(SECRET_KEY="another site's", SECRET_KEY_FALLBACKS=[]):
            other = self.plugin_class()(**{**self.options, **self.other_options})
            sealed = other.seal(KEY, DATA)
            assert other.unseal(KEY, sealed) == DATA
        self.refused(KEY, sealed)

    def test_sealing_twice_gives_equal_bytes_where_it_says_so(self) -> None:
        one, other = self.build(), self.build()
        seals = {sealer.seal(KEY, DATA) for sealer in (one, other) for _ in range(20)}
        assert len(seals) == (1 if one.deterministic else 40)
        codec = Codec([PickleSerializer()], sealer=one, report=lambda *args: None)
        if one.deterministic:
            assert codec.encode_member(KEY, "x") == codec.encode_member(KEY, "x")
        else:
            with pytest.raises(SerializationError, match=self.plugin_class().name):
                codec.encode_member(KEY, "x")

    def test_ints_stay_outside_and_the_rest_is_sealed(self) -> None:
        codec = Codec([PickleSerializer()], sealer=self.build(), report=lambda *args: None)
        assert codec.encode(KEY, 12) == b"12"
        assert codec.decode(KEY, codec.encode(KEY, "12")) == "12"
        assert codec.encode(KEY, "12") != PickleSerializer().dumps("12")

    @in_a_child
    def test_threads_share_it(self) -> None:
        sealer = self.build()

        def work(number: int) -> None:
            for turn in range(100):
                data = b"%d %d" % (number, turn)
                assert sealer.unseal(f"k{number}", sealer.seal(f"k{number}", data)) == data
                with pytest.raises(SealError):
                    sealer.unseal("other", sealer.seal(f"k{number}", data))

        in_threads(work)
