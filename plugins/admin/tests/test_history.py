"""``redis_cache sample`` and the plots of what it kept."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, override_settings
from django.utils import timezone

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

from .looking import ROOT, shown

Site = Callable[..., RedisCache]


def sample(*arguments: str) -> str:
    out = io.StringIO()
    call_command("redis_cache", "sample", *arguments, stdout=out)
    return out.getvalue()


def test_samples_keep_what_servers_count(site: Site, db: None, own_server: Server) -> None:
    from django_redis_core_admin.models import Sample

    cache = site(default={"LOCATION": own_server.url})
    sample()
    cache.set("a", 1)
    cache.get("a")
    report = json.loads(sample("--json"))["reports"][0]["report"]
    assert (report["kept"], report["errors"]) == (1, [])
    first, last = Sample.objects.order_by("pk")
    assert last.hits == first.hits + 1
    assert last.keys == 1
    assert last.used_memory > 0
    assert last.run == first.run != ""
    assert last.error == ""


def test_the_rows_of_a_cache_are_bounded(site: Site, db: None) -> None:
    from django_redis_core_admin.models import Sample

    site(default={}, other={"KEY_PREFIX": "another"})
    for _ in range(5):
        told = sample("--keep", "3")
    assert "1 old dropped" in told
    for alias in ("default", "other"):
        kept = Sample.objects.filter(alias=alias).order_by("pk")
        assert len(kept) == 3
    newest = Sample.objects.order_by("-pk")[0].pk
    assert min(Sample.objects.values_list("pk", flat=True)) == newest - 5, "the oldest went"
    with pytest.raises(CommandError, match="a number of rows"):
        sample("--keep", "0")


def test_a_server_that_is_down_is_kept_as_that(
    site: Site, looker: Client, own_server: Server
) -> None:
    from django_redis_core_admin.models import Sample

    site(default={"LOCATION": own_server.url, "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1}}, well={})
    own_server.kill()
    with pytest.raises(CommandError, match="default:"):
        sample()
    rows = {row.alias: row for row in Sample.objects.all()}
    assert rows["default"].error != ""
    assert rows["default"].hits is None
    assert rows["well"].error == ""
    assert "When servers could not be asked" in shown(looker, "default/history/")


def test_history_is_plotted(site: Site, looker: Client) -> None:
    from django_redis_core_admin.models import Sample

    site(default={})
    assert "There are no samples" in shown(looker, "default/history/")
    now = timezone.now()
    facts: dict[str, Any] = {"alias": "default", "server": "redis://a:1/0", "role": "primary"}
    for minute in range(120):
        Sample.objects.create(
            **facts,
            run="a" if minute < 100 else "b",  # a restart
            taken=now - timedelta(minutes=121 - minute),
            commands=minute % 100 * 600,
            hits=minute % 100 * 90,
            misses=minute % 100 * 10,
            evicted_keys=0,
            expired_keys=0,
            used_memory=2**20,
            keys=5,
            round_trip_ms=0.5,
        )
    page = looker.get(f"{ROOT}default/history/").content.decode()
    paths = re.findall(r'<path class="rc-line rc-line-0" d="([^"]*)"', page)
    assert len(paths) == 6
    words = shown(looker, "default/history/")
    assert "Commands a second 10.0 " in words  # 600 a minute, and the restart is no loss
    assert "redis://a:1/0: 90.0%" in words
    assert "1.0 MiB" in words
    assert all(float(y) >= 0 for path in paths for y in re.findall(r"[ML][\d.]+ (-?[\d.]+)", path))
    hour = looker.get(f"{ROOT}default/history/?hours=1").content.decode()
    assert len(re.findall(r"L", re.findall(r'rc-line-0" d="([^"]*)"', hour)[2])) < 60
    assert looker.get(f"{ROOT}default/history/?hours=99999999999999").status_code == 200


def test_the_migrations_make_the_tables_of_the_models(database: None) -> None:
    call_command("makemigrations", "redis_caches", check=True, dry_run=True, verbosity=0)


def test_without_its_table_it_says_what_to_do(
    site: Site, looker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_redis_core_admin.models import Sample

    site(default={})
    monkeypatch.setattr(Sample._meta, "db_table", "not_there")
    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        sample()
    assert "manage.py migrate" in shown(looker, "default/history/")


def test_the_plugin_is_one_also_where_settings_list_it(site: Site, db: None) -> None:
    site(default={})
    with override_settings(DJANGO_REDIS_PLUGINS=["admin"]):
        out, told = io.StringIO(), io.StringIO()
        call_command("redis_cache", "plugins", "--json", stdout=out, stderr=told)
        sample()
    lines = json.loads(out.getvalue())["reports"][0]["plugins"]
    ours = [line for line in lines if "redis_core_admin" in line["module"]]
    assert [line["error"] for line in ours] == [""], ours
    assert told.getvalue() == ""
