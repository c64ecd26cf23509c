"""Names and URLs that other packages and hosts have: understood, or refused all at once with where
they belong."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core._engine import assembly

from .conftest import parsed, refusal

#: Options of other packages, and what is to be written instead.
WELL_KNOWN = {
    "COMPRESSOR_CLASS": "Write COMPRESSOR: a plugin's name.",
    "CONNECTION_CLASS": "Write it as 'connection_class' in CONNECTION_POOL_KWARGS.",
    "CONNECTION_POOL_CLASS_KWARGS": "Write CONNECTION_POOL_KWARGS.",
    "DB": "Write the database into LOCATION: redis://localhost:6379/1.",
    "DECODE_RESPONSES": "Write it as 'decode_responses' in CONNECTION_POOL_KWARGS.",
    "DJANGO_REDIS_LOGGER": "It is a setting of its own, beside CACHES.",
    "HEALTH_CHECK_INTERVAL": "Write it as 'health_check_interval' in CONNECTION_POOL_KWARGS.",
    "HOST": "Write host and port into LOCATION: redis://localhost:6379/0.",
    "MAX_CONNECTIONS": "Write it as 'max_connections' in CONNECTION_POOL_KWARGS.",
    "PICKLE_PROTOCOL": "Write PICKLE_VERSION.",
    "POOL_CLASS": "Write CONNECTION_POOL_CLASS.",
    "RETRY_ON_TIMEOUT": "Write it as 'retry_on_timeout' in CONNECTION_POOL_KWARGS.",
    "SERIALIZER_CLASS": "Write SERIALIZER: a plugin's name.",
    "SOCKET_KEEPALIVE": "Write it as 'socket_keepalive' in CONNECTION_POOL_KWARGS.",
    "SSL": "Write rediss:// in LOCATION.",
    "SSL_CERT_REQS": "Write it as 'ssl_cert_reqs' in CONNECTION_POOL_KWARGS.",
    "db": "Write the database into LOCATION: redis://localhost:6379/1.",
    "pool_class": "Write CONNECTION_POOL_CLASS.",
    "serializer": "Did you mean 'SERIALIZER'?",
}


def test_all_are_refused_at_once_with_where_they_belong() -> None:
    lines = refusal({**dict.fromkeys(WELL_KNOWN, 1), "KEY_PREFIX": "w"}).split("\n")
    assert lines == [
        *(
            f"CACHES['shop']: OPTIONS has an unknown key {name!r}. {words}"
            for name, words in WELL_KNOWN.items()
        ),
        (
            "CACHES['shop']: KEY_PREFIX stands in OPTIONS, but belongs into the entry itself, "
            "beside OPTIONS."
        ),
    ]


def test_the_options_of_a_plugin_that_is_not_there_are_not_called_unknown() -> None:
    lines = refusal({"SERIALIZER": "cbor", "CBOR_TAGS": 1, "SSL": True}).split("\n")
    assert len(lines) == 2
    assert "no serializer named 'cbor'" in lines[0]
    assert "'SSL'" in lines[1]


def test_own_keys_of_the_entry_are_let_through() -> None:
    assert parsed(NOTE="of the shop", owner="ada", MAX_ENTRIES=5).key_prefix == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("valkey://h:1/2", "redis://h:1/2"),
        ("valkeys://:p@h:1/2?ssl_cert_reqs=none", "rediss://:p@h:1/2?ssl_cert_reqs=none"),
        ("redis+socket:///run/s.sock", "unix:///run/s.sock"),
        ("redis+socket:///run/s.sock?virtual_host=3", "unix:///run/s.sock?db=3"),
        ("unix+redis:///run/s.sock?db=3", "unix:///run/s.sock?db=3"),
    ],
)
def test_other_spellings_of_a_url(written: str, read: str) -> None:
    written_, plain = (assembly.Engine(parsed(location=url)) for url in (written, read))
    [mine], [theirs] = written_.topology.nodes(), plain.topology.nodes()
    assert mine.config.kwargs == theirs.config.kwargs
    assert mine.config.connection_class is theirs.config.connection_class


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://eu1.upstash.example", "an address of HTTP, as Upstash has one beside redis://"),
        ("tcp://172.17.0.2:6379", "as Docker has it in the environment; write redis://"),
        (
            "shop.redis.cache.windows.net:6380,password=hush+=,ssl=True,abortConnect=False",
            "Write 'rediss://:PASSWORD@HOST:PORT/0' instead",
        ),
    ],
)
def test_what_hosts_hand_out_beside_is_explained(url: str, words: str) -> None:
    said = refusal(location=url)
    assert words in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("written", "meant"),
    [("true", True), ("True", True), ("FALSE", False), ("false", False)],
)
def test_text_of_an_environment_is_understood(written: str, meant: bool) -> None:
    assert parsed({"IGNORE_EXCEPTIONS": written}).ignore_exceptions is meant


@pytest.mark.parametrize("written", ["yes", "1", "", "on"])
def test_other_text_is_no_boolean(written: str) -> None:
    assert "IGNORE_EXCEPTIONS must be True or False" in refusal({"IGNORE_EXCEPTIONS": written})


#: What django-environ 0.14 makes of URLs: OPTIONS of all arguments, in capitals.
ENVIRON: list[tuple[dict[str, Any], str]] = [
    ({"LOCATION": "redis://h:1/1"}, ""),
    (
        {
            "LOCATION": "redis://h:1/1",
            "OPTIONS": {
                "CLIENT_CLASS": "django_redis.client.DefaultClient",
                "IGNORE_EXCEPTIONS": "true",
            },
        },
        "",
    ),
    ({"LOCATION": "redis://:@h:1/1", "KEY_PREFIX": "x", "TIMEOUT": 60, "OPTIONS": {}}, ""),
    (
        {
            "LOCATION": "redis://h:1/1",
            "OPTIONS": {"SOCKET_TIMEOUT": 5, "CONNECTION_POOL_KWARGS": {"max_connections": 50}},
        },
        "",
    ),
    (
        {"LOCATION": "rediss://h:1/1", "OPTIONS": {"SSL_CERT_REQS": "none"}},
        "Write it as 'ssl_cert_reqs' in CONNECTION_POOL_KWARGS.",
    ),
    (
        {"LOCATION": "redis://h:1/1", "OPTIONS": {"POOL_CLASS": "redis.BlockingConnectionPool"}},
        "Write CONNECTION_POOL_CLASS.",
    ),
]


@pytest.mark.parametrize(("entry", "words"), ENVIRON)
def test_what_django_environ_makes_of_a_url(entry: dict[str, Any], words: str) -> None:
    given = {"OPTIONS": {}, **entry}
    location, options = given.pop("LOCATION"), given.pop("OPTIONS")
    if words:
        assert refusal(options, location, **given).endswith(words)
    else:
        assembly.Engine(parsed(options, location, **given))


def test_a_url_as_it_is_keeps_its_arguments() -> None:
    """So that it is what to write with django-environ: ``"LOCATION": env("REDIS_URL")``."""
    url = "rediss://:p@h:1/1?ssl_cert_reqs=none&socket_timeout=5&max_connections=50"
    [node] = assembly.Engine(parsed(location=url)).topology.nodes()
    assert node.config.max_connections == 50
    assert node.config.timeout == 5
    assert node.config.kwargs["ssl_cert_reqs"] == "none"
