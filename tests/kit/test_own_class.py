"""A project's own class, which has no distribution, is tested by the contracts under its path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..registry.conftest import Site
from .test_broken_plugins import python

CACHING = """
import json
import hmac
import msgpack  # at the top of the module, as a project may
from django_redis_core.connections import SingleServer
from django_redis_core.exceptions import SealError
from django_redis_core.interfaces import Client, ConnectionFactory, Sealer, Serializer

class Own(Serializer):
    name = "of-the-shop"

    def dumps(self, value):
        return b"shop" + json.dumps(value).encode()

    def loads(self, data):
        if not data.startswith(b"shop"):
            raise ValueError("not ours")
        return json.loads(data[4:])

class Sealed(Sealer):
    name = "shop-sealer"

    deterministic = True

    def seal(self, key, data):
        return b"shop" + hmac.digest(b"secret", f"{key}:".encode() + data, "md5") + data

    def unseal(self, key, data):
        plain = data[20:]
        if data != self.seal(key, plain):
            raise SealError("not ours")
        return plain

class Factory(ConnectionFactory):
    name = "shop-servers"

    def topology(self, locations):
        return SingleServer(self.node(locations[0]))

class Loud(Client):
    name = "shop-client"
"""

TESTS = """
from django_redis_core.testing import (
    ClientContract, ConnectionFactoryContract, SealerContract, SerializerContract
)

class TestOwn(SerializerContract):
    name = "bookshop.caching.Own"

class TestSealed(SealerContract):
    name = "bookshop.caching.Sealed"

class TestFactory(ConnectionFactoryContract):
    name = "bookshop.caching.Factory"

class TestLoud(ClientContract):
    name = "bookshop.caching.Loud"
"""

CHOSEN = "found_by or before_settings or in_use or recoded or other_formats or equal_bytes"


def test_a_class_is_tested_by_its_dotted_path(tmp_path: Path) -> None:
    shop = tmp_path / "bookshop"
    shop.mkdir()
    (shop / "__init__.py").write_text("")
    (shop / "caching.py").write_text(CACHING)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["django_redis_core.testing.fixtures"]')
    (tmp_path / "test_caching.py").write_text(TESTS)
    done = python(Site(tmp_path), "pytest", "-q", "-rp", "-p", "no:asyncio", "-k", CHOSEN)
    assert done.returncode == 0, done.stdout[-3000:]
    ran = set(re.findall(r"^PASSED \S+::(\w+)::", done.stdout, re.M))
    assert ran == {"TestOwn", "TestSealed", "TestFactory", "TestLoud"}


def test_the_command_says_which_class_to_write(tmp_path: Path) -> None:
    done = python(Site(tmp_path), "django_redis_core.testing", "bookshop.caching.Own")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "with `name = 'bookshop.caching.Own'`" in done.stderr
