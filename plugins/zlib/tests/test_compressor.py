"""zlib's own: the bytes of other writers, and its options."""

import zlib

import pytest

from django_redis_core_zlib.compressor import ZlibCompressor

DATA = b'{"name": "Ada", "tags": ["new", "sale"]}' * 20


def test_it_writes_and_reads_the_frames_of_django_redis():
    assert ZlibCompressor().compress(DATA) == zlib.compress(DATA, 6)
    assert ZlibCompressor().decompress(zlib.compress(DATA, 6)) == DATA


@pytest.mark.parametrize("level", range(-1, 10))
def test_every_level_is_recognised_and_read_at_any_other(level):
    frame = ZlibCompressor(level=level).compress(DATA)
    assert frame == zlib.compress(DATA, level)
    assert ZlibCompressor().recognises(frame)
    assert ZlibCompressor().decompress(frame) == DATA


def test_only_second_bytes_that_zlib_writes_are_recognised():
    recognised = {byte for byte in range(256) if ZlibCompressor().recognises(bytes([0x78, byte]))}
    valid = {byte for byte in range(256) if (0x7800 + byte) % 31 == 0}
    with_preset_dictionary = {byte for byte in valid if byte & 0x20}
    assert recognised == valid - with_preset_dictionary


@pytest.mark.parametrize("level", [-2, 10, "6", 6.0, True, None])
def test_another_level_is_refused(level):
    with pytest.raises(ValueError, match="level must be an int from -1 to 9, not "):
        ZlibCompressor(level=level)
