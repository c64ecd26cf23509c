"""The bookshop's settings. CACHES is what to look at: every part of a cache is a plugin's name."""

import os
import tempfile
from secrets import token_hex

BACKEND = "django_redis_core.cache.RedisCache"

# One directory is one server, shared by the processes that name it and gone with the last of them.
# It is handed on in the environment, so that what this process starts uses the same server.
DIRECTORY = os.environ.setdefault(
    "BOOKSHOP_CACHE", os.path.join(tempfile.gettempdir(), f"bookshop-{token_hex(4)}")
)
SERVER = f"embedded://{DIRECTORY}"

# All these aliases use one server and one pool of connections, so each has a prefix of its own.
CACHES = {
    "default": {
        "BACKEND": BACKEND,
        "LOCATION": SERVER,
    },
    "api": {
        "BACKEND": BACKEND,
        "LOCATION": SERVER,
        "KEY_PREFIX": "api",
        "OPTIONS": {
            "SERIALIZER": "json",
            "COMPRESSOR": {"NAME": "zstd", "OPTIONS": {"level": 3, "min_length": 256}},
        },
    },
    "pages": {
        "BACKEND": BACKEND,
        "LOCATION": SERVER,
        "KEY_PREFIX": "pages",
        # The first one writes and both read: a change of format without a flush.
        "OPTIONS": {"COMPRESSOR": ["zlib", "gzip"]},
    },
    "template_fragments": {  # Django's own name for what {% cache %} uses
        "BACKEND": BACKEND,
        "LOCATION": SERVER,
        "KEY_PREFIX": "fragments",
        "OPTIONS": {"COMPRESSOR": "gzip"},
    },
    "sessions": {
        "BACKEND": BACKEND,
        "LOCATION": f"{SERVER}?db=1",  # where no clear() of the other caches can log anybody out
        "OPTIONS": {"SERIALIZER": "json"},
    },
    "events": {
        "BACKEND": BACKEND,
        "LOCATION": SERVER,
        "KEY_PREFIX": "events",
        "OPTIONS": {"SERIALIZER": "msgpack", "COMPRESSOR": "lz4"},
    },
    "archive": {
        "BACKEND": BACKEND,
        "LOCATION": SERVER,
        "KEY_PREFIX": "archive",
        "TIMEOUT": 7 * 86_400,
        "OPTIONS": {"COMPRESSOR": "lzma"},
    },
    "popular": {  # costly values that many requests want at once
        "BACKEND": BACKEND,
        "LOCATION": SERVER,
        "KEY_PREFIX": "popular",
        "OPTIONS": {"CLIENT": "herd"},
    },
    "sharded": {  # two servers, each with a part of the keys
        "BACKEND": BACKEND,
        "LOCATION": [SERVER, f"{SERVER}-2"],
        "KEY_PREFIX": "sharded",
        "OPTIONS": {"CLIENT": "shard", "SHARD_NAMES": ["one", "two"]},
    },
    "everything": {
        "BACKEND": BACKEND,
        "LOCATION": [SERVER, f"{SERVER}-2"],
        "KEY_PREFIX": "everything",
        "OPTIONS": {
            "CLIENT": ["herd", "shard"],  # clients work together
            "SHARD_NAMES": ["one", "two"],
            "SERIALIZER": "msgpack",
            "COMPRESSOR": "zstd",
        },
    },
}

# What the pages use is told to observers: /metrics shows it to Prometheus, and each request's trace
# has it where the SDK of OpenTelemetry is set up.
for name in ("pages", "template_fragments", "sessions"):
    CACHES[name]["OPTIONS"]["OBSERVERS"] = ["opentelemetry", "prometheus"]

# The tour may run on a machine that is busy with other work; a site keeps the default of 1 second.
for entry in CACHES.values():
    entry.setdefault("OPTIONS", {})["SOCKET_TIMEOUT"] = 10

SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_CACHE_ALIAS = "sessions"

SECRET_KEY = "of an example that holds no secrets"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [
    "bookshop",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_redis_core",
    "django_redis_core_admin",  # the caches' pages in the admin
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "bookshop.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"
# For the admin's users and log, and for the caches' history; made by "serve", gone with it.
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{DIRECTORY}.sqlite3"},
}
TIME_ZONE = "UTC"
