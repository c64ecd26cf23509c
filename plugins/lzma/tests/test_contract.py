from django_redis_core.testing import CompressorContract


class TestLzma(CompressorContract):
    name = "lzma"
    library = "lzma"
