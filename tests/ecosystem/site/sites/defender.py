"""django-defender's test settings, counting in the server of the cache."""

from defender.test_settings import *  # noqa: F403

DEFENDER_MOCK_REDIS = False
DEFENDER_REDIS_NAME = "default"
