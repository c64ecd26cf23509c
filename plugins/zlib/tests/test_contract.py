from django_redis_core.testing import CompressorContract


class TestZlib(CompressorContract):
    name = "zlib"


class TestZlibAtLevel1(CompressorContract):
    name = "zlib"
    options = {"level": 1}
