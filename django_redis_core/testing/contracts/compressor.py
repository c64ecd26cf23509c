"""What every compressor promises."""

from __future__ import annotations

import json
import pickle
import random
import time
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..._codec.codec import Codec
from ..._plugins.defaults.pickle import PickleSerializer
from ...exceptions import CompressorError
from ...interfaces import Compressor
from ..apart import in_a_child
from .damage import flipped, in_threads, inherited, memory_within, soon, truncated
from .plugin import PluginContract

MEGABYTE = 1024 * 1024

#: The ``max_length`` of which a bomb unpacks to a hundred times as much.
BOMB_LIMIT = MEGABYTE // 4

#: Up to some tens of KB, and anything between noise and one byte again and again.
blobs = st.builds(
    lambda start, again, times, end: start + again * times + end,
    st.binary(max_size=200),
    st.binary(max_size=100),
    st.integers(0, 300),
    st.binary(max_size=200),
)

SHORT = b'{"id": 4711, "name": "Ada", "tags": ["new", "sale"]}' * 3
LONG = b"".join(json.dumps({"id": n, "price": n * n % 997}).encode() for n in range(600))
NOISE = random.Random(7).randbytes(40_000)


class CompressorContract(PluginContract):
    """A compressor's tests. A complete test module::

        from django_redis_core.testing import CompressorContract

        class TestBrotli(CompressorContract):
            name = "brotli"

    ``checksum`` says whether a frame with a damaged bit is always found out. Where it is not, the
    class says ``checksum = False``, and the plugin's documentation says it too.
    """

    kind = "compressor"
    checksum: ClassVar[bool] = True

    def refused_early(self, compressor: Compressor, frame: bytes) -> None:
        """``frame`` is refused, with no more memory than ``max_length`` and a little."""
        with memory_within(2 * compressor.max_length + 10 * MEGABYTE), soon():  # noqa: SIM117
            with pytest.raises(CompressorError):
                compressor.decompress(frame)

    @in_a_child
    @inherited
    @given(blobs)
    def test_what_was_compressed_comes_back(self, data: bytes) -> None:
        compressor = self.build()
        assert compressor.decompress(compressor.compress(data)) == data

    @pytest.mark.parametrize("data", [b"", b"x", SHORT, LONG, NOISE], ids=len)
    @in_a_child
    def test_lengths_from_nothing_to_40_kilobytes(self, data: bytes) -> None:
        compressor = self.build()
        frame = compressor.compress(data)
        assert type(frame) is bytes
        plain = compressor.decompress(frame)
        assert type(plain) is bytes
        assert plain == data

    def test_equal_data_gives_equal_frames_whenever(self) -> None:
        compressor = self.build()
        before = [compressor.compress(data) for data in (b"", SHORT, LONG)]
        time.sleep(1.01)  # a format that stamps the time does so in whole seconds
        compressor.compress(NOISE)
        for again in (compressor, self.build()):
            assert [again.compress(data) for data in (b"", SHORT, LONG)] == before

    @in_a_child
    @inherited
    @given(blobs)
    def test_a_frame_is_known_by_its_first_bytes(self, data: bytes) -> None:
        compressor = self.build()
        frame = compressor.compress(data)
        assert compressor.recognises(frame)
        assert not compressor.magic or frame.startswith(compressor.magic)

    @pytest.mark.parametrize(
        "plain",
        [
            b"",
            b"12",
            b"-1",
            b'{"a": 1}',
            b"[1]",
            b'"text"',
            b"null",
            b"1.5",
            b"\x80",
            b"\x81\xa1a\x01",
            *(pickle.dumps({"a": 1}, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
        ],
    )
    def test_what_serializers_write_is_not_taken_for_a_frame(self, plain: bytes) -> None:
        assert not self.build().recognises(plain)

    @pytest.mark.parametrize("data", [b"", b"x", SHORT], ids=len)
    @in_a_child
    def test_a_truncated_frame_is_refused_at_every_offset(self, data: bytes) -> None:
        compressor = self.build()
        for damaged in truncated(compressor.compress(data)):
            with pytest.raises(CompressorError):
                compressor.decompress(damaged)

    @in_a_child
    def test_a_damaged_bit_is_found_out_where_the_format_has_a_checksum(self) -> None:
        compressor = self.build()
        others = 0
        with soon():
            for damaged in flipped(compressor.compress(SHORT)):
                try:
                    others += compressor.decompress(damaged) != SHORT
                except CompressorError:
                    pass
        if self.checksum:
            assert not others, f"{others} damaged frames gave other bytes; is `checksum` False?"
        else:
            assert others, "every damaged bit was found out: say `checksum = True`"

    @pytest.mark.parametrize("more", [b"\0", b"\xff", b"garbage", bytes(1000)], ids=repr)
    @in_a_child
    def test_bytes_after_the_frame_are_refused(self, more: bytes) -> None:
        compressor = self.build()
        for data in (b"x", SHORT, LONG):
            with pytest.raises(CompressorError):
                compressor.decompress(compressor.compress(data) + more)

    @in_a_child
    def test_two_frames_are_refused(self) -> None:
        compressor = self.build()
        with pytest.raises(CompressorError):
            compressor.decompress(compressor.compress(SHORT) * 2)

    @in_a_child
    @inherited
    @given(st.binary(max_size=300))
    def test_foreign_bytes_give_the_compressors_own_error_or_bytes(self, data: bytes) -> None:
        compressor = self.build(max_length=MEGABYTE)
        for foreign in (data, *(magic + data for magic in compressor.magic)):
            with soon():
                try:
                    assert type(compressor.decompress(foreign)) is bytes
                except CompressorError:
                    pass

    @in_a_child
    def test_a_bomb_is_stopped_at_max_length(self) -> None:
        bomb = self.build().compress(bytes(100 * BOMB_LIMIT))
        self.refused_early(self.build(max_length=BOMB_LIMIT), bomb)

    @in_a_child
    def test_max_length_is_the_longest_value_that_is_read(self) -> None:
        compressor = self.build(max_length=5000)
        for data in (bytes(5000), NOISE[:5000]):
            assert compressor.decompress(compressor.compress(data)) == data
        for data in (bytes(5001), NOISE[:5001], bytes(5100), bytes(50_000)):
            with pytest.raises(CompressorError):
                compressor.decompress(compressor.compress(data))

    @in_a_child
    def test_it_goes_on_after_an_error(self) -> None:
        compressor = self.build()
        frame = compressor.compress(LONG)
        for damaged in (frame[:-1], b"", frame + b"x", frame[:20]):
            with pytest.raises(CompressorError):
                compressor.decompress(damaged)
            assert compressor.decompress(compressor.compress(LONG)) == LONG

    def test_values_up_to_min_length_are_stored_as_they_are(self) -> None:
        compressor = self.build(min_length=1000)
        codec = Codec([PickleSerializer()], [compressor], report=lambda *args: None)
        overhead = len(pickle.dumps(b"a" * 900)) - 900
        for length, is_frame in ((1000 - overhead, False), (1001 - overhead, True)):
            stored = codec.encode("k", b"a" * length)
            assert compressor.recognises(stored) is is_frame
            assert codec.decode("k", stored) == b"a" * length

    def test_a_value_that_does_not_get_shorter_is_stored_as_it_is(self) -> None:
        compressor = self.build()
        codec = Codec([PickleSerializer()], [compressor], report=lambda *args: None)
        assert codec.encode("k", NOISE) == pickle.dumps(NOISE)

    @pytest.mark.parametrize("option", ["min_length", "max_length"])
    @pytest.mark.parametrize("wrong", ["100", -1, 1.5, True, None], ids=repr)
    def test_a_wrong_length_is_refused_by_name(self, option: str, wrong: object) -> None:
        if (option, wrong) == ("min_length", None):  # the compressor's own default
            assert self.build(min_length=None).min_length == self.plugin_class().default_min_length
            return
        with pytest.raises(ValueError, match=option):
            self.build(**{option: wrong})

    @in_a_child
    def test_threads_share_it(self) -> None:
        compressor = self.build()

        def work(number: int) -> None:
            noise = random.Random(number)
            for _ in range(40):
                data = noise.randbytes(noise.randrange(200)) * noise.randrange(1, 60)
                frame = compressor.compress(data)
                assert compressor.decompress(frame) == data
                with pytest.raises(CompressorError):
                    compressor.decompress(frame[:-1])

        in_threads(work)
