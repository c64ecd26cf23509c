"""LZ4's own: the bytes of other writers, frames that lie, and its options."""

import random
import tracemalloc
from typing import Any

import lz4.frame
import pytest

from django_redis_core.testing import CompressorContract
from django_redis_core_lz4 import compressor
from django_redis_core_lz4.compressor import STEP, Lz4Compressor

DATA = b'{"name": "Ada", "tags": ["new", "sale"]}' * 20


def test_it_writes_and_reads_the_frames_of_django_redis():
    assert Lz4Compressor().compress(DATA) == lz4.frame.compress(DATA)
    assert Lz4Compressor().decompress(lz4.frame.compress(DATA)) == DATA


@pytest.mark.parametrize("level", [-65537, -10, -1, 0, 1, 3, 9, 12])
@pytest.mark.parametrize("checksum", [True, False])
def test_all_levels_are_read_with_any_options(level, checksum):
    frame = Lz4Compressor(level=level, checksum=checksum).compress(DATA)
    assert Lz4Compressor().decompress(frame) == DATA
    assert lz4.frame.decompress(frame) == DATA
    assert lz4.frame.get_frame_info(frame)["content_checksum"] is checksum


class TestFramesWithoutTheirSize(CompressorContract):
    """The whole contract for frames as a stream writes them."""

    name = "lz4"
    checksum = False

    @classmethod
    def plugin_class(cls):
        class Streaming(super().plugin_class()):
            def compress(self, data):
                return lz4.frame.compress(data, store_size=False)

        return Streaming

    def test_they_do_not_state_it(self):
        assert lz4.frame.get_frame_info(self.build().compress(DATA))["content_size"] == 0

    @pytest.mark.parametrize("length", [STEP - 1, STEP, STEP + 1, STEP + 2, 3 * STEP, 5 * STEP + 7])
    def test_lengths_about_a_step(self, length):
        compressor = self.build(max_length=5 * STEP + 7)
        assert compressor.decompress(compressor.compress(bytes(length))) == bytes(length)


class TestFramesThatLieAboutTheirSize(CompressorContract):
    """The whole contract without checksums of blocks, and with a size that is another one."""

    name = "lz4"
    options = {"checksum": True}

    @pytest.mark.parametrize("stated", [1, 1000, 1 << 20, 50 << 20, (1 << 63) - 1])
    def test_they_are_refused_early(self, stated):
        # Made by the library, so that the header's own checksum is right.
        bomb = lz4.frame.compress(bytes(100 << 20))
        liar = lz4.frame.LZ4FrameCompressor()
        header = liar.begin(source_size=stated)
        assert lz4.frame.get_frame_info(header)["content_size"] == stated
        frame = header + bomb[15:]
        self.refused_early(self.build(max_length=1 << 20), frame)


@pytest.mark.parametrize("level", [-65538, 13, "0", 0.0, True, None])
def test_another_level_is_refused(level):
    with pytest.raises(ValueError, match="level must be an int from -65537 to 12, not "):
        Lz4Compressor(level=level)


def test_another_checksum_is_refused():
    with pytest.raises(ValueError, match="checksum must be True or False, not 1"):
        Lz4Compressor(checksum=1)


def test_a_frame_without_its_size_takes_time_as_it_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not as the square of that, as where each step copies what is left, or what it has. What
    steps take of memory shows that on whatever machine, and their time does not."""
    length = 16 * 1024 * 1024
    noise = random.Random(7).randbytes(length // 16) * 16
    # Linked blocks would find the noise again.
    frame = lz4.frame.compress(noise, store_size=False, block_size=4, block_linked=False)
    assert len(frame) > length
    taken: list[int] = []

    def noted(*args: Any, **kwargs: Any) -> Any:
        answer = decompress_chunk(*args, **kwargs)
        now, most = tracemalloc.get_traced_memory()
        taken.append(most - before[-1])
        before.append(now)
        tracemalloc.reset_peak()
        return answer

    decompress_chunk = compressor.decompress_chunk
    monkeypatch.setattr(compressor, "decompress_chunk", noted)
    tracemalloc.start()
    try:
        before = [tracemalloc.get_traced_memory()[0]]
        plain = Lz4Compressor(max_length=length).decompress(frame)
    finally:
        tracemalloc.stop()
    assert plain == noise
    assert length / STEP <= len(taken) <= length / STEP + 2
    assert max(taken) < 3 * STEP
