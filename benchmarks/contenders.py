"""Who is measured beside this backend: where it comes from, and how its settings are written.

Also read by the processes that are measured, in environments that have nothing of ours: so this
imports the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = "django-redis-core"
PICKLE, MSGPACK = "pickle", "msgpack"
#: Kinds of work. A process does one of them: django-valkey's two backends share a pool, whose
#: connections are those of whoever comes first.
BLOCKING, ASYNCIO = "blocking", "asyncio"
#: What a line that a process answers with begins with.
SAYS = "rivals: "

#: What each environment is made of. All take the newest Django and clients that they agree with.
ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "core": ("--editable", str(ROOT), "--editable", str(ROOT / "plugins" / "msgpack"), "hiredis"),
    "redis": ("django-redis==7.0.0", "Django", "redis", "hiredis", "msgpack"),
    "valkey": ("django-valkey[libvalkey]==0.4.1", "Django", "msgpack"),
    "vcache": ("django-vcache==3.2.0", "Django"),
    "cachex": (
        "django-cachex[valkey-py,libvalkey,redis-py,hiredis,valkey-glide,msgpack]==0.14.1",
        "Django",
    ),
}
#: The oldest Python of those that do not take every one that this project takes.
NEEDS: Mapping[str, tuple[int, int]] = {"cachex": (3, 14)}


#: Commands that are packed before, a socket, and hiredis.
LEAST = "socket and hiredis"


@dataclass(frozen=True)
class Contender:
    """A Django backend, or a client by itself, without Django.

    ``serializers`` has the OPTIONS that make it write that format.
    """

    name: str
    environment: str
    #: The distribution whose version is told, and the one that does its work, if that is another.
    distribution: str
    backend: str = ""
    serializers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Another backend for asyncio, where it has one.
    asyncio_backend: str = ""
    client: str = ""
    #: No contender, but what none of them can come below. It has one connection, for one thread.
    limit: bool = False


_CACHEX = {
    PICKLE: {"serializer": "django_cachex.serializers.pickle.PickleSerializer"},
    MSGPACK: {"serializer": "django_cachex.serializers.msgpack.MsgpackSerializer"},
}

CONTENDERS = [
    # The first is what all others are compared with.
    Contender(
        "redis-py", "redis", "redis", serializers={PICKLE: {}, MSGPACK: {}}, client="hiredis"
    ),
    Contender(
        OURS,
        "core",
        OURS,
        "django_redis_core.cache.RedisCache",
        {PICKLE: {"SERIALIZER": "pickle"}, MSGPACK: {"SERIALIZER": "msgpack"}},
        client="redis",
    ),
    Contender(
        "django-vcache",
        "vcache",
        "django-vcache",
        "django_vcache.backend.ValkeyCache",
        # Compresses from 1 KB on unless it is told not to, which the others do not.
        {
            PICKLE: {"SERIALIZER": "pickle", "COMPRESS_MIN_LEN": 1 << 30},
            MSGPACK: {"SERIALIZER": "msgpack", "COMPRESS_MIN_LEN": 1 << 30},
        },
    ),
    Contender(
        "django-valkey",
        "valkey",
        "django-valkey",
        "django_valkey.cache.ValkeyCache",
        {
            PICKLE: {"SERIALIZER": "django_valkey.serializers.pickle.PickleSerializer"},
            MSGPACK: {"SERIALIZER": "django_valkey.serializers.msgpack.MSGPackSerializer"},
        },
        asyncio_backend="django_valkey.async_cache.cache.AsyncValkeyCache",
        client="libvalkey",
    ),
    Contender(
        "django-cachex (valkey-py)",
        "cachex",
        "django-cachex",
        "django_cachex.cache.ValkeyCache",
        _CACHEX,
        client="libvalkey",
    ),
    Contender(
        "django-cachex (redis-py)",
        "cachex",
        "django-cachex",
        "django_cachex.cache.RedisCache",
        _CACHEX,
        client="redis",
    ),
    Contender(
        "django-cachex (glide)",
        "cachex",
        "django-cachex",
        "django_cachex.cache.ValkeyGlideCache",
        _CACHEX,
        client="valkey-glide",
    ),
    Contender(
        "django-redis",
        "redis",
        "django-redis",
        "django_redis.cache.RedisCache",
        {
            PICKLE: {"SERIALIZER": "django_redis.serializers.pickle.PickleSerializer"},
            MSGPACK: {"SERIALIZER": "django_redis.serializers.msgpack.MSGPackSerializer"},
        },
        client="redis",
    ),
    Contender(
        "Django",
        "redis",
        "django",
        "django.core.cache.backends.redis.RedisCache",
        {PICKLE: {}},
        client="redis",
    ),
    Contender(
        "valkey-py", "valkey", "valkey", serializers={PICKLE: {}, MSGPACK: {}}, client="libvalkey"
    ),
    Contender(
        LEAST,
        "redis",
        "hiredis",
        serializers={PICKLE: {}, MSGPACK: {}},
        limit=True,
    ),
]
BY_NAME = {one.name: one for one in CONTENDERS}
#: By it everything is divided.
BASE = CONTENDERS[0]
