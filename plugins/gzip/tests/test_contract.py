from django_redis_core.testing import CompressorContract


class TestGzip(CompressorContract):
    name = "gzip"
