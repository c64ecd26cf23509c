"""gzip's own: the bytes of other writers, and its options."""

import gzip

import pytest

from django_redis_core_gzip.compressor import GzipCompressor

DATA = b'{"name": "Ada", "tags": ["new", "sale"]}' * 20


def test_it_reads_the_frames_of_django_redis():
    """Of its versions that stamp the time, and of those that do not."""
    assert GzipCompressor().decompress(gzip.compress(DATA)) == DATA
    assert GzipCompressor().decompress(gzip.compress(DATA, mtime=0)) == DATA


@pytest.mark.parametrize("level", range(-1, 10))
def test_every_level_is_readable_by_gzip_and_holds_no_time(level):
    frame = GzipCompressor(level=level).compress(DATA)
    assert gzip.decompress(frame) == DATA
    assert frame[4:8] == bytes(4)
    assert GzipCompressor().decompress(frame) == DATA


@pytest.mark.parametrize("level", [-2, 10, "6", 6.0, True, None])
def test_another_level_is_refused(level):
    with pytest.raises(ValueError, match="level must be an int from -1 to 9, not "):
        GzipCompressor(level=level)
