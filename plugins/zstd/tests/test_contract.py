from django_redis_core.testing import CompressorContract


class TestZstd(CompressorContract):
    name = "zstd"
    library = "zstandard"
    checksum = False


class TestZstdWithChecksum(CompressorContract):
    name = "zstd"
    options = {"checksum": True, "level": 1}
