"""What is imported from ``django_redis`` is there, and does what it does there."""

import asyncio
import pickle
import subprocess
import sys
from importlib import import_module

import pytest
from django.core.cache import caches
from django.test import override_settings
from redis import Redis

import django_redis
from django_redis import get_redis_connection
from django_redis.cache import RedisCache, omit_exception
from django_redis.client import DefaultClient
from django_redis.exceptions import ConnectionInterrupted
from django_redis.hash_ring import HashRing
from django_redis.pool import ConnectionFactory, SentinelConnectionFactory, get_connection_factory
from django_redis.util import CacheKey
from django_redis_core._plugins.catalogue import DJANGO_REDIS

NAMES = """
    __version__ VERSION get_redis_connection cache.RedisCache
    client.DefaultClient client.HerdClient client.SentinelClient client.ShardClient
    client.default.DefaultClient client.herd.HerdClient client.herd.Marker
    client.sentinel.SentinelClient client.sharded.ShardClient
    compressors.base.BaseCompressor compressors.identity.IdentityCompressor
    exceptions.CompressorError exceptions.ConnectionInterrupted hash_ring.HashRing
    pool.ConnectionFactory pool.SentinelConnectionFactory pool.get_connection_factory
    serializers.base.BaseSerializer util.CacheKey util.default_reverse_key
"""
OF_THE_CATALOGUE = {path for of_kind in DJANGO_REDIS.values() for path in of_kind}


@pytest.mark.parametrize(
    "path", sorted({*(f"django_redis.{name}" for name in NAMES.split()), *OF_THE_CATALOGUE})
)
def test_the_name_is_there(path):
    module, _, name = path.rpartition(".")
    assert hasattr(import_module(module), name)


def test_importing_all_of_it_imports_no_library_of_a_plugin():
    code = """
import sys
from importlib import import_module
from django.conf import settings
settings.configure()
for path in sys.argv[1:]:
    import_module(path)
libraries = {"lz4", "msgpack", "zstandard"}
print(sorted({name for name in sys.modules if name.startswith("django_redis_core_")} |
             libraries & set(sys.modules)))
"""
    modules = {path.rpartition(".")[0] for path in OF_THE_CATALOGUE}
    done = subprocess.run(
        [sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture
def site(redis_server):
    """CACHES with django-redis' own BACKEND."""
    entry = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": {**entry, "KEY_PREFIX": "compat-names"}}):
        yield caches["default"]
        caches["default"].clear()


def test_the_backend_works_under_its_old_name(site):
    assert isinstance(site, RedisCache)
    assert site.set("a", 1) is True
    assert isinstance(site.client, DefaultClient)
    assert site.client.get("a") == 1
    assert site.client.set("b", [2], 60, None, None, True) is True
    assert site.client.set("b", [3], nx=True) is False
    assert sorted(site.client.keys(search="*")) == ["a", "b"]
    assert sorted(site.client.iter_keys("*", 10)) == ["a", "b"]
    assert site.client.hset("h", "field", {"x": 1}) == 1
    assert site.client.hkeys("h") == ["field"]
    assert site.client.sadd("s", 1, "two") == 2
    assert site.client.smembers("s") == {1, "two"}
    assert site.client.zadd("z", {"m": 1.5}) == 1
    assert "a" in site.client
    assert "c" not in site.client
    assert site.client.delete_pattern("*") == 5


def test_the_client_gives_raw_clients_and_keys(site):
    client = site.client
    key = client.make_key("a:b", version=3)
    assert key == "compat-names:3:a:b"
    assert isinstance(key, CacheKey)
    assert client.make_key(key) == key
    assert key.original_key() == "a:b"
    assert client.reverse_key(key) == "a:b"
    assert client.make_pattern("*") == r"compat\-names:1:*"
    assert client.set(key, 1) is True
    assert client.get_client(write=True).get(key) == b"1"
    assert site.get("a:b", version=3) == 1


def test_values_can_be_encoded_and_decoded_without_a_key(site):
    client = site.client
    assert client.encode(5) == 5
    assert client.encode(True) == pickle.dumps(True)
    assert client.encode(5, allow_int=False) == pickle.dumps(5)
    assert client.decode(b"5") == client.decode(5) == 5
    assert client.decode(client.encode({"a": 1})) == {"a": 1}
    with pytest.raises(pickle.UnpicklingError):
        client.decode(b"no pickle")


def test_the_helper_gives_a_redis_py_client(site):
    connection = get_redis_connection("default")
    assert isinstance(connection, Redis)
    assert connection.ping() is True
    entry = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    refused = pytest.raises(NotImplementedError, match="does not support this feature")
    with override_settings(CACHES={"default": entry}), refused:
        get_redis_connection("default")


def test_the_helper_works_for_the_backend_of_either_name(make_cache, redis_server):
    entry = {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": entry}):
        assert get_redis_connection().ping() is True


def test_a_method_says_which_arguments_it_takes(site):
    with pytest.raises(TypeError, match="multiple values for argument 'version'"):
        site.client.get("a", None, 1, version=1)
    with pytest.raises(TypeError, match="key, default, version, client, not 5"):
        site.client.get("a", None, 1, None, None)


def test_the_ring_forgets_a_node_and_shares_nothing():
    ring, other = HashRing(["a", "b"]), HashRing(["c"])
    assert other.nodes == ["c"]
    before = {str(key): ring(str(key)) for key in range(200)}
    ring.add_node("d")
    ring.remove_node("d")
    assert {str(key): ring(str(key)) for key in range(200)} == before
    assert HashRing().get_node("a") is None
    assert list(HashRing().iter_nodes("a")) == [(None, None)]
    points = list(ring.iter_nodes("7"))
    assert points[0][1] == ring("7")


def test_pools_are_shared_by_all_that_makes_them_alike(redis_server):
    factory = ConnectionFactory({"SOCKET_TIMEOUT": 3})
    pool = factory.connect(redis_server.url).connection_pool
    assert pool.connection_kwargs["socket_timeout"] == 3
    alike = ConnectionFactory({"SOCKET_TIMEOUT": 3}).connect(redis_server.url)
    assert alike.connection_pool is pool
    other = get_connection_factory({"SOCKET_TIMEOUT": 4}).connect(redis_server.url)
    assert other.connection_pool.connection_kwargs["socket_timeout"] == 4
    assert other.ping() is True
    factory.disconnect(other)


def test_the_sentinel_factory_makes_pools_of_a_service():
    options = {"SENTINELS": [("127.0.0.1", 1)]}
    factory = SentinelConnectionFactory(options)
    pool = factory.connect("redis://orders/3?is_master=0").connection_pool
    assert (pool.service_name, pool.is_master) == ("orders", False)
    assert pool.connection_kwargs["db"] == 3
    assert options == {"SENTINELS": [("127.0.0.1", 1)]}


def test_a_version_is_named_for_code_that_asks():
    assert django_redis.VERSION >= (7, 0)
    assert django_redis.__version__ == "7.0.0"


CONFLICT = """
import sys
sys.path.insert(0, sys.argv[1])
from django.conf import settings
settings.configure()
from django_redis_core.checks import check_one_django_redis
print([(found.id, found.msg) for found in check_one_django_redis()])
try:
    import django_redis
except ImportError as error:
    print(error)
"""


@pytest.fixture
def with_the_other(tmp_path):
    """A folder that has django-redis installed, as importlib.metadata sees it."""
    folder = tmp_path / "django_redis-7.0.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: django-redis\nVersion: 7.0.0\n")
    return tmp_path


def run_beside(folder):
    done = subprocess.run(
        [sys.executable, "-c", CONFLICT, str(folder)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_beside_the_other_package_it_refuses_and_a_check_says_so(with_the_other):
    said = run_beside(with_the_other)
    checked, imported = said.splitlines()
    assert "django_redis_core.E005" in checked
    assert "django-redis 7.0.0 and django-redis-core-compat 1.0.0 are both installed" in checked
    assert "django-redis 7.0.0 and django-redis-core-compat are both installed" in imported
    assert "Uninstall both, then install the one that you mean." in imported


def test_alone_it_says_nothing(tmp_path):
    assert run_beside(tmp_path) == "[]\n"


class Counting(RedisCache):
    """As metrics packages subclass django-redis' backend."""

    asked = 0

    @omit_exception(return_value="omitted")
    def get(self, key, default=None, version=None, client=None):
        type(self).asked += 1
        try:
            return self.client.get(key, default=None, version=version, client=client)
        except ConnectionInterrupted as error:
            if self._ignore_exceptions:
                if self._log_ignored_exceptions:
                    self.logger.error(str(error))
                return default
            raise

    def make_key(self, key, version=None):
        return super().make_key(f"tenant:{key}", version)


def test_a_subclass_of_the_backend_is_written_as_for_django_redis(redis_server):
    entry = {"BACKEND": f"{__name__}.Counting", "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": {**entry, "KEY_PREFIX": "counting"}}):
        site, Counting.asked = caches["default"], 0
        site.set("k", 1, 60)
        assert site.get("k") == 1
        assert asyncio.run(site.aget("k")) == 1
        assert site.get_or_set("k", 2) == 1
        assert Counting.asked == 3
        assert site.client.make_key("k") == "counting:1:tenant:k"
        assert site.client.get_client().delete("counting:1:tenant:k") == 1


@pytest.mark.parametrize("ignore", [True, False])
def test_an_outage_is_ignored_by_the_decorator(ignore, caplog):
    options = {"IGNORE_EXCEPTIONS": ignore, "LOG_IGNORED_EXCEPTIONS": True}
    options["LOG_IGNORED_LEVEL"] = "WARNING"
    site = RedisCache("redis://127.0.0.1:1/0", {"OPTIONS": options})

    @omit_exception(return_value=5)
    def get(cache):
        return cache.client.get("k")

    if not ignore:
        with pytest.raises(ConnectionInterrupted):
            get(site)
        return
    assert get(site) == 5
    [record] = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "Exception ignored")
    assert Counting("redis://127.0.0.1:1/0", {"OPTIONS": options}).get("k", "default") == "default"


class OwnClient(DefaultClient):
    def get(self, key, default=None, version=None, client=None):
        return f"own {super().get(key, default, version, client)}"


def test_own_clients_have_the_keys_of_an_own_backend(redis_server):
    options = {"CLIENT_CLASS": f"{__name__}.OwnClient"}
    site = Counting(redis_server.url, {"KEY_PREFIX": "own", "OPTIONS": options})
    site.set("k", 1, 60)
    assert site.raw_client().exists("own:1:tenant:k") == 1
    assert site.get("k") == site.client.get("k") == "own 1"
    assert asyncio.run(site.aget_many(["k"])) == {"k": 1}
    assert site.client.make_key("k") == "own:1:tenant:k"
    assert site.client.delete("k") is True
