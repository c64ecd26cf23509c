"""Each of django-cache-memoize's tests begins with empty caches: some share a prefix."""

import pytest
from django.core.cache import caches


@pytest.fixture(autouse=True)
def empty_caches():
    for cache in (caches["default"], caches["other"]):
        cache.clear()
