"""The whole operation suite in RESP3, which is a setting, read by hiredis and in Python."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.connections import resp
from django_redis_core.testing import ConnectionFactoryContract
from django_redis_core.testing.servers import Server


class InResp3(ConnectionFactoryContract):
    name = "single"

    @pytest.fixture
    def location(self, redis_server: Server) -> Any:
        return f"{redis_server.unix_url}&protocol=3"

    @pytest.fixture(params=["blocking", "async"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)


class TestHiredis(InResp3):
    pass


class TestPython(InResp3):
    @pytest.fixture(autouse=True)
    def in_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resp, "_reader", resp.PythonReader)
        monkeypatch.setattr(resp, "_push", resp.Push)
