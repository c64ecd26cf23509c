"""The kit's fixtures."""

pytest_plugins = ["django_redis_core.testing.fixtures"]
