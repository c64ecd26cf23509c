"""Steps on either side of the wire, and what the settings of each client are."""

RELEASES = ["5.3.0", "7.0.0"]
COMPRESSORS = {
    "identity.IdentityCompressor": RELEASES,
    "zlib.ZlibCompressor": RELEASES,
    "gzip.GzipCompressor": ["7.0.0"],
    "lz4.Lz4Compressor": RELEASES,
    "lzma.LzmaCompressor": RELEASES,
    "zstd.ZStdCompressor": RELEASES,
}
CLIENTS = ["DefaultClient", "HerdClient", "ShardClient"]


class Keywords(dict):
    """Keyword arguments of a step."""


def do(worker, entry, *steps):
    """The results of ``(method, *args)``; ``Keywords`` as last of them are keyword arguments."""
    split = []
    for method, *args in steps:
        kwargs = args.pop() if args and type(args[-1]) is Keywords else {}
        split.append((method, tuple(args), dict(kwargs)))
    return worker("calls", for_worker(worker, entry), split)


def for_worker(worker, entry):
    """In a mixed fleet this package writes herd entries as the other one reads them."""
    herd = entry.get("CLIENT_CLASS", "").endswith("HerdClient")
    return {**entry, "HERD_FORMAT": "django-redis"} if herd and not worker.release else entry


def entry_of(client, urls, prefix):
    entry = {"prefix": prefix, "CLIENT_CLASS": f"django_redis.client.{client}"}
    return {**entry, "location": urls} if client == "ShardClient" else entry


def numbered(values):
    return {str(place): value for place, value in enumerate(values)}


def assert_same(found, wanted):
    assert [(type(value), value) for value in found] == [(type(value), value) for value in wanted]
