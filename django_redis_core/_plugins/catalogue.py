"""The names that the core knows without importing anything: our own plugins, and django-redis'
dotted paths for the jobs that plugins do here."""

from __future__ import annotations

#: Plugins that this project publishes, with their kind. Each is the extra of the same name.
OURS: dict[str, str] = {
    "json": "serializer",
    "msgpack": "serializer",
    "zlib": "compressor",
    "gzip": "compressor",
    "lz4": "compressor",
    "zstd": "compressor",
    "lzma": "compressor",
    "signed": "sealer",
    "encrypted": "sealer",
    "embedded": "connection_factory",
    "sentinel": "connection_factory",
    "cluster": "connection_factory",
    "herd": "client",
    "mirror": "client",
    "near": "client",
    "shard": "client",
    "opentelemetry": "observer",
    "prometheus": "observer",
    "tags": "client",
}

#: What django-redis calls the plugins, by the kind that is asked for.
DJANGO_REDIS: dict[str, dict[str, str]] = {
    "client": {
        "django_redis.client.DefaultClient": "default",
        "django_redis.client.default.DefaultClient": "default",
        "django_redis.client.HerdClient": "herd",
        "django_redis.client.herd.HerdClient": "herd",
        "django_redis.client.ShardClient": "shard",
        "django_redis.client.sharded.ShardClient": "shard",
        "django_redis.client.SentinelClient": "default",
        "django_redis.client.sentinel.SentinelClient": "default",
    },
    "serializer": {
        "django_redis.serializers.pickle.PickleSerializer": "pickle",
        "django_redis.serializers.json.JSONSerializer": "json",
        "django_redis.serializers.msgpack.MSGPackSerializer": "msgpack",
    },
    "compressor": {
        "django_redis.compressors.identity.IdentityCompressor": "identity",
        "django_redis.compressors.zlib.ZlibCompressor": "zlib",
        "django_redis.compressors.gzip.GzipCompressor": "gzip",
        "django_redis.compressors.lz4.Lz4Compressor": "lz4",
        "django_redis.compressors.lzma.LzmaCompressor": "lzma",
        "django_redis.compressors.zstd.ZStdCompressor": "zstd",
    },
    "connection_factory": {
        "django_redis.pool.ConnectionFactory": "single",
        "django_redis.pool.SentinelConnectionFactory": "sentinel",
    },
    "sealer": {},
    "observer": {},
}

#: django-redis' sentinel client needs its sentinel factory, and settings may name only the client.
SENTINEL_CLIENTS = frozenset(
    {"django_redis.client.SentinelClient", "django_redis.client.sentinel.SentinelClient"}
)


#: What packages like django-redis have beside what it has.
_BESIDE = {
    "client.ClusterClient": "default",
    "client.cluster.ClusterClient": "default",
    "pool.ClusterConnectionFactory": "cluster",
}


def counterpart(path: str) -> str:
    """The plugin that does the job of a class of such a package, or nothing."""
    package, _, rest = path.partition(".")
    if package not in ("django_redis", "django_valkey", "django_cachex", "redis_cache"):
        return ""
    known = {name: of for paths in DJANGO_REDIS.values() for name, of in paths.items()}
    return known.get(f"django_redis.{rest}", _BESIDE.get(rest, ""))


def plugin_name(kind: str, written: str) -> str:
    """The plugin that does the job of a django-redis path; any other text stays as it is."""
    return DJANGO_REDIS[kind].get(written, written)
