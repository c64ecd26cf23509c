"""Zstandard's own: the bytes of other writers, frames that lie, dictionaries, and its options."""

import json
import random

import pytest
import zstandard

from django_redis_core.exceptions import CompressorError
from django_redis_core.testing import CompressorContract
from django_redis_core.testing.contracts.damage import in_threads
from django_redis_core_zstd.compressor import STEP, ZstdCompressor

DATA = b'{"name": "Ada", "tags": ["new", "sale"]}' * 20


def record(number):
    noise = random.Random(number)
    return json.dumps(
        {"id": number, "name": noise.choice(["Ada", "Grace", "Edsger"]), "ok": noise.random() < 0.5}
    ).encode()


def trained(seed):
    samples = [record(seed * 1000 + n) for n in range(1000)]
    return zstandard.train_dictionary(2048, samples).as_bytes()


@pytest.fixture(scope="module")
def dictionary():
    return trained(1)


def test_it_writes_and_reads_the_frames_of_django_redis():
    """Which are the library's defaults."""
    assert ZstdCompressor().compress(DATA) == zstandard.compress(DATA)
    assert ZstdCompressor().decompress(zstandard.compress(DATA)) == DATA


@pytest.mark.parametrize("level", [-131072, -5, 0, 1, 3, 19, 22])
@pytest.mark.parametrize("checksum", [True, False])
def test_all_levels_are_read_with_any_options(level, checksum):
    frame = ZstdCompressor(level=level, checksum=checksum).compress(DATA)
    assert ZstdCompressor().decompress(frame) == DATA
    assert zstandard.decompress(frame) == DATA
    assert zstandard.get_frame_parameters(frame).has_checksum is checksum


class TestFramesWithoutTheirSize(CompressorContract):
    """The whole contract for frames as a stream writes them."""

    name = "zstd"
    checksum = False

    @classmethod
    def plugin_class(cls):
        class Streaming(super().plugin_class()):
            def compress(self, data):
                stream = zstandard.ZstdCompressor(write_content_size=False).compressobj()
                return stream.compress(data) + stream.flush()

        return Streaming

    def test_they_do_not_state_it(self):
        assert zstandard.frame_content_size(self.build().compress(DATA)) == -1

    def test_bytes_after_a_frame_that_ends_with_a_step_are_refused(self):
        compressor = self.build()
        for length in range(STEP - 20, STEP + 20):
            frame = compressor.compress(random.Random(1).randbytes(length))
            assert len(compressor.decompress(frame)) == length
            with pytest.raises(CompressorError, match="after the end"):
                compressor.decompress(frame + b"x")

    def test_a_frame_that_asks_for_a_large_window_is_refused(self):
        large = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
        stream = zstandard.ZstdCompressor(compression_params=large).compressobj()
        self.refused_early(self.build(), stream.compress(DATA) + stream.flush())


class TestFramesThatLieAboutTheirSize(CompressorContract):
    """The whole contract with a checksum, and frames with a size that is another one."""

    name = "zstd"
    options = {"checksum": True}

    @pytest.mark.parametrize("stated", [0, 1, 1000, 1 << 20, 50 << 20, 1 << 63, (1 << 64) - 3])
    def test_they_are_refused_early(self, stated):
        # A header with 8 bytes of size, and the blocks of a bomb (RFC 8878, section 3.1.1.1).
        bomb = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100 << 20))
        assert bomb[4] == 0, "magic, descriptor, window: no size, no checksum"
        frame = bomb[:4] + b"\xc0" + bomb[5:6] + stated.to_bytes(8, "little") + bomb[6:]
        assert zstandard.get_frame_parameters(frame).content_size == stated
        self.refused_early(self.build(max_length=1 << 20), frame)


class TestADictionary:
    def test_it_makes_small_values_smaller(self, dictionary):
        with_it, without = ZstdCompressor(dictionary=dictionary), ZstdCompressor()
        value = record(77)
        assert len(with_it.compress(value)) < 0.6 * len(without.compress(value))
        assert with_it.decompress(with_it.compress(value)) == value

    def test_a_path_is_read(self, dictionary, tmp_path):
        path = tmp_path / "records.zdict"
        path.write_bytes(dictionary)
        for written in (path, str(path)):
            compressor = ZstdCompressor(dictionary=written)
            assert compressor.compress(DATA) == ZstdCompressor(dictionary=dictionary).compress(DATA)

    def test_what_was_written_without_it_is_still_read(self, dictionary):
        assert ZstdCompressor(dictionary=dictionary).decompress(zstandard.compress(DATA)) == DATA

    def test_what_was_written_with_it_is_an_error_without(self, dictionary):
        frame = ZstdCompressor(dictionary=dictionary).compress(record(1))
        for other in (ZstdCompressor(), ZstdCompressor(dictionary=trained(2))):
            with pytest.raises(CompressorError):
                other.decompress(frame)

    def test_threads_share_it(self, dictionary):
        compressor = ZstdCompressor(dictionary=dictionary)

        def work(number):
            for turn in range(200):
                value = record(number * 1000 + turn)
                assert compressor.decompress(compressor.compress(value)) == value

        in_threads(work)

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ("/nowhere/records.zdict", "cannot be read: .*'/nowhere/records.zdict'"),
            (7, "must be a path or bytes, not 7"),
            (b"only some content", "must be a trained one"),
            (b"\x37\xa4\x30\xec and then nonsense", "cannot be used"),
        ],
    )
    def test_another_one_is_refused(self, wrong, words):
        with pytest.raises(ValueError, match=words):
            ZstdCompressor(dictionary=wrong)


class TestContexts:
    def test_a_thread_after_another_uses_the_same_one(self):
        compressor = ZstdCompressor()
        for _ in range(5):
            in_threads(lambda number: compressor.decompress(compressor.compress(DATA)), 1)
        assert len(compressor._packers) == len(compressor._unpackers) == 1


@pytest.mark.parametrize("level", [-131073, 23, "3", 3.0, True, None])
def test_another_level_is_refused(level):
    with pytest.raises(ValueError, match="level must be an int from -131072 to 22, not "):
        ZstdCompressor(level=level)


def test_another_checksum_is_refused():
    with pytest.raises(ValueError, match="checksum must be True or False, not 1"):
        ZstdCompressor(checksum=1)
