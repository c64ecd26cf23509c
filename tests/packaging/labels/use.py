"""A site that uses the plugin `labels`, run by the Python of an environment where it and the core
are installed from wheels. It prints what its calls answered, as JSON."""

import importlib
import importlib.metadata
import json

from django.conf import settings

import django_redis_core
from django_redis_core.testing.caller import WAYS, Caller, new_loop
from django_redis_core.testing.servers import Server

STACKS = {
    "labels": ["labels"],
    "near": ["near", "labels"],
    "herd": ["labels", "herd"],
    "shard": ["labels", "shard"],
    "all": ["near", "labels", "herd", "shard"],
}


def entry(server, stack):
    shards = [f"{server.url[:-1]}{database}" for database in (2, 3)]
    return {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": shards if "shard" in stack else server.url,
        "KEY_PREFIX": "-".join(stack),
        "OPTIONS": {"CLIENT": stack, "IGNORE_EXCEPTIONS": True, "LOG_IGNORED_EXCEPTIONS": False},
    }


def served(cache):
    return {
        "set": cache.run("set", "page", "html", tags=["author", "menu"]),
        "without": cache.run("set", "plain", 3),
        "before": cache.get_many(["page", "plain"]),
        "unknown": cache.run("invalidate_tags", "unknown"),
        "known": cache.run("invalidate_tags", "menu", "unknown"),
        "after": cache.get_many(["page", "plain"]),
    }


def alone(cache):
    return {
        "set": cache.run("set", "page", "html", tags=["menu"]),
        "invalidate": cache.run("invalidate_tags", "menu"),
    }


def main():
    with Server() as server, new_loop() as loop:
        settings.configure(CACHES={name: entry(server, of) for name, of in STACKS.items()})
        from django.core.cache import caches

        uses = [(name, way, Caller(caches[name], way, loop)) for name in STACKS for way in WAYS]
        told = {f"{name}, {way}": served(cache) for name, way, cache in uses}
        server.kill()
        down = {f"{name}, {way}": alone(cache) for name, way, cache in uses}
        (found,) = importlib.metadata.entry_points(group="django_redis_core", name="labels")
        places = [django_redis_core.__file__, importlib.import_module(found.value).__file__]
        print(json.dumps({"served": told, "down": down, "from": places}))


main()
