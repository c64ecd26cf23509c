"""lzma's own: the bytes of other writers, what a forged frame asks for, and its options."""

import lzma

import pytest

from django_redis_core.exceptions import CompressorError
from django_redis_core.testing import CompressorContract
from django_redis_core_lzma.compressor import LzmaCompressor

DATA = b'{"name": "Ada", "tags": ["new", "sale"]}' * 20


def test_it_writes_and_reads_the_frames_of_django_redis():
    assert LzmaCompressor().compress(DATA) == lzma.compress(DATA, preset=4)
    assert LzmaCompressor().decompress(lzma.compress(DATA, preset=4)) == DATA


def test_values_up_to_100_bytes_are_left_as_they_are():
    assert LzmaCompressor().min_length == 100


@pytest.mark.parametrize("preset", [0, 1, 9])
def test_every_preset_is_read_at_any_other(preset):
    frame = LzmaCompressor(preset=preset).compress(DATA)
    assert LzmaCompressor().decompress(frame) == DATA


class TestAFrameThatAsksForMuchMemory(CompressorContract):
    """The whole contract, on frames with the smallest window."""

    name = "lzma"
    options = {"preset": 0}

    def test_it_is_refused(self):
        window = {"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 28}
        frame = lzma.compress(DATA, filters=[window])
        assert lzma.decompress(frame) == DATA
        self.refused_early(self.build(), frame)


@pytest.mark.parametrize("container", [lzma.FORMAT_ALONE, lzma.FORMAT_RAW])
def test_other_formats_of_the_library_are_not_xz(container):
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 4}]
    with pytest.raises(CompressorError):
        LzmaCompressor().decompress(lzma.compress(DATA, container, filters=filters))


@pytest.mark.parametrize("preset", [-1, 10, "4", 4.0, True, None])
def test_another_preset_is_refused(preset):
    with pytest.raises(ValueError, match="preset must be an int from 0 to 9, not "):
        LzmaCompressor(preset=preset)
