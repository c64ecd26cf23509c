from django_redis_core.testing import CompressorContract


class TestLz4(CompressorContract):
    name = "lz4"
    library = "lz4"
    checksum = False


class TestLz4WithChecksum(CompressorContract):
    name = "lz4"
    options = {"checksum": True, "level": 5}
