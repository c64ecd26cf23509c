"""What a promise and a wire test know of a site: how it makes caches, whichever package it uses.

Runs in this package's interpreter and in that of the real django-redis, so it imports Django and
redis-py only.
"""

import itertools
import os
from contextlib import contextmanager
from importlib import import_module

import redis
from django.core.cache import caches
from django.test import override_settings
from redis.backoff import NoBackoff
from redis.retry import Retry

#: A port where nobody listens.
DEAD = "redis://127.0.0.1:1/0"

#: redis-py's default is to try again for seconds.
NO_RETRY = Retry(NoBackoff(), 0)
AT_ONCE = {"CONNECTION_POOL_KWARGS": {"retry": NO_RETRY}}

SHARD = "django_redis.client.ShardClient"
HERD = "django_redis.client.HerdClient"


class WorkerError(Exception):
    """What was asked of a worker raised this there: type and words."""


class Site:
    """A site on one package: ``django_redis`` or ``django_redis_core``.

    ``urls`` are servers that have nothing to do with each other; the first is LOCATION's default.
    """

    _numbers = itertools.count()

    def __init__(self, package, urls):
        self.package = package
        self.urls = urls
        self.raw = redis.Redis.from_url(urls[0], protocol=2)
        self.others = [redis.Redis.from_url(url, protocol=2) for url in urls]

    def fresh(self):
        """A prefix that no other cache has, of this process or another."""
        return f"{self.package}-{os.getpid()}-{next(self._numbers)}"

    @property
    def backend(self):
        return f"{self.package}.cache.RedisCache"

    def cache(self, location=None, prefix=None, **options):
        """A backend object with a prefix that no other has; names without lower-case letters are
        OPTIONS, others belong to the entry."""
        entry = {
            name: options.pop(name)
            for name in ("KEY_FUNCTION", "KEY_PATTERN_FUNCTION", "TIMEOUT", "VERSION")
            if name in options
        }
        entry["KEY_PREFIX"] = self.fresh() if prefix is None else prefix
        backend = import_module(f"{self.package}.cache").RedisCache
        return backend(location or self.urls[0], {"OPTIONS": options, **entry})

    def dead(self, **options):
        """A cache whose server is not there."""
        return self.cache(DEAD, **AT_ONCE, **options)

    @contextmanager
    def named(self, location=None, prefix=None, **options):
        """The same as Django's ``default`` cache, for what uses that."""
        prefix = self.fresh() if prefix is None else prefix
        entry = {"BACKEND": self.backend, "LOCATION": location or self.urls[0]}
        entry |= {"KEY_PREFIX": prefix, "OPTIONS": options}
        with override_settings(CACHES={"default": entry}):
            yield caches["default"]

    def stored(self, cache, key, version=None):
        """The key as stored, also by a cache that does not tell."""
        return cache.key_func(key, cache.key_prefix, cache.version if version is None else version)

    def calls(self, *commands):
        """How often the servers ran ``commands``, by INFO."""
        counted = 0
        for server in self.others:
            stats = server.info("commandstats")
            counted += sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in commands)
        return counted
