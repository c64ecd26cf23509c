import json

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.testing import ConnectionFactoryContract


class TestJsonFileFactory(ConnectionFactoryContract):
    """Every cache operation keeps its promises: blocking, on asyncio and in pipelines."""

    name = "jsonfile"

    @pytest.fixture
    def location(self, redis_server, tmp_path):
        file = tmp_path / "cache.json"
        file.write_text(json.dumps({"primary": redis_server.url}))
        return f"jsonfile://{file}"


@pytest.mark.parametrize(
    "location",
    ["jsonfile://", "jsonfile://cache.json", ["jsonfile:///a.json", "jsonfile:///b.json"]],
)
def test_another_location_is_refused(make_cache, location):
    with pytest.raises(ImproperlyConfigured, match="LOCATION must be one URL with an absolute"):
        make_cache(LOCATION=location)


@pytest.mark.parametrize("interval", [0, -1, "1", True])
def test_a_wrong_interval_is_refused(make_cache, interval):
    with pytest.raises(ImproperlyConfigured, match="JSONFILE_INTERVAL must be a number of seconds"):
        make_cache({"JSONFILE_INTERVAL": interval}, LOCATION="jsonfile:///etc/site/cache.json")
