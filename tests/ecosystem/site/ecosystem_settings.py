"""Another package's test settings, ``ECOSYSTEM_SETTINGS``, with the cache under test."""

import importlib
import os

from ecosystem_caches import replaced

_THEIRS = importlib.import_module(os.environ["ECOSYSTEM_SETTINGS"])
globals().update({name: getattr(_THEIRS, name) for name in dir(_THEIRS) if name.isupper()})

_ONE = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CACHES = replaced(getattr(_THEIRS, "CACHES", _ONE))
TEST_RUNNER = "ecosystem_record.Runner"
