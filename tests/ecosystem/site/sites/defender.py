"""django-defender's test settings, counting in the server of the cache."""

from defender.test_settings import *  # noqa: F403

DEFENDER_MOCK_REDIS = False
DEFENDER_REDIS_NAME = "default"
# Its attempts are counted for two seconds, in which eleven passwords are hashed.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
