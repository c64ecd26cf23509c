"""The fixtures of the conformance kit, among them a real server."""

pytest_plugins = ["django_redis_core.testing.fixtures"]
