"""How far the figures of ``stats`` may be off, its biggest entries, and what an interrupted run
shows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.management.estimates import Estimate, Scale, Tally
from django_redis_core.management.output import Progress
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

from .conftest import Ran

Manage = Callable[..., Ran]
MakeSite = Callable[..., Any]


def families(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {family["family"]: family for family in report["families"]}


def test_figures_are_within_their_errors(
    site: MakeSite, manage: Manage, own_server: Server
) -> None:
    """Half of the keys are another cache's. The seed of the server's table is its own, so this is
    another sample each time: errors of 4 standard errors are allowed here."""
    cache = site(default={"LOCATION": own_server.url})
    with cache.pipeline() as pipeline:
        for number in range(10_000):
            family = "rare" if number % 20 == 0 else "many"
            pipeline.set(f"{family}:{number}", "x" * (number % 1_000), None)
    with own_server.client() as client, client.pipeline() as pipeline:
        for number in range(10_000):
            pipeline.set(f"neighbour:1:{number}", "x")
        pipeline.execute()
    [exact] = manage("stats", "--json", "--alias", "default", "--all").json
    assert (exact["keys"], exact["keys_error"], exact["bytes_error"]) == (10_000, 0, 0)
    assert exact["sample"]["complete"] is True
    [about] = manage("stats", "--json", "--alias", "default", "--sample", "2000").json
    assert about["sample"]["complete"] is False
    pairs = [(about, exact)]
    pairs += [(found, families(exact)[name]) for name, found in families(about).items()]
    for found, true in pairs:
        assert 0 < found["keys_error"] < found["keys"]
        for figure in ("keys", "bytes"):
            # SCAN goes over a page by the rest of a bucket: 1% besides.
            bound = 2 * found[f"{figure}_error"] + 0.01 * true[figure]
            assert abs(found[figure] - true[figure]) <= bound, (figure, found, true)
    text = manage("stats", "--alias", "default", "--sample", "2000").out
    assert " ± " in text
    assert "± holds in 19 of 20 samples" in text
    assert "±" not in manage("stats", "--alias", "default", "--all").out


def test_nineteen_of_twenty() -> None:
    """The bound itself, on many samples of one table."""
    lot = random.Random(7)
    lengths = [lot.choice([0, 0, 60, 60, 700]) for _ in range(5_000)]  # 0: somebody else's
    held = {"keys": sum(map(bool, lengths)), "bytes": sum(lengths)}
    outside = {"keys": 0, "bytes": 0}
    for _ in range(400):
        tally, estimate = Tally(), Estimate()
        for length in lot.sample(lengths, 500):
            if length:
                tally.add(length, {})
        estimate.add(tally, Scale(500, 5_000))
        for figure in outside:
            error = abs(getattr(estimate, figure) - held[figure])
            outside[figure] += error > getattr(estimate, f"{figure}_error")
    assert all(8 <= times <= 34 for times in outside.values()), outside


def test_where_none_was_seen_there_may_be_some(
    site: MakeSite, manage: Manage, own_server: Server
) -> None:
    site(default={"LOCATION": own_server.url, "KEY_PREFIX": "rare"})
    own_server.cli("EVAL", "for i=1,20000 do redis.call('SET','k'..i,'x') end", "0")
    [report] = manage("stats", "--json", "--sample", "100").json
    assert report["keys"] == 0
    assert 40 <= report["keys_error"] <= 60, "3 of 1,000 of 20,000"


def test_the_biggest_entries(site: MakeSite, manage: Manage, own_server: Server) -> None:
    cache = site(default={"LOCATION": own_server.url, "KEY_PREFIX": "shop"})
    with cache.pipeline() as pipeline:
        for number in range(12_000):
            pipeline.set(f"page:{number}:x", "v" * 40)
    cache.set("page:report:x", "y" * 3_000_000)
    own_server.cli("SET", "shop:1:menu:\x1b[31m", "z" * 1_000_000)
    cache.hset("h:1", "field", "w" * 2_000_000)
    [report] = manage("stats", "--json", "--all").json
    assert len(report["biggest"]) == 10
    assert [(one["key"], one["family"]) for one in report["biggest"][:3]] == [
        ("shop:1:page:report:x", "page"),
        ("shop:1:h:1", "h"),
        ("shop:1:menu:\x1b[31m", "menu"),
    ]
    assert report["biggest"][0]["bytes"] > 3_000_000
    assert report["keys"] == 12_003
    [report] = manage("stats", "--json", "--all", "--biggest", "1").json
    assert [one["key"] for one in report["biggest"]] == ["shop:1:page:report:x"]
    text = manage("stats", "--all").out
    assert "shop:1:menu:\\x1b[31m" in text
    assert "\x1b" not in text, "a key moves no cursor"
    assert manage("stats", "--json").json[0]["biggest"] == []
    assert (
        len(manage("stats", "--json", "--sample", "600", "--biggest", "4").json[0]["biggest"]) == 4
    )


@pytest.mark.parametrize("args", [(), ("--all",)])
def test_an_interrupted_run_shows_what_it_has(
    site: MakeSite, manage: Manage, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    with shards(2) as servers:
        urls = [server.url for server in servers]
        cache = site(
            default={"LOCATION": urls, "OPTIONS": {"CLIENT": "shard"}}, other={"VERSION": 2}
        )
        with cache.pipeline() as pipeline:
            for number in range(8_000):
                pipeline.set(f"k:{number}", "x" * 100, None)

        def interrupting(self: Any, done: int) -> None:
            self.done = done
            if done >= 1_000:
                raise KeyboardInterrupt

        monkeypatch.setattr(Progress, "__call__", interrupting)
        ran = manage("stats", "--json", *args)
        assert ran.code == 130
        assert "Stopped in 'default' after 1,0" in ran.error
        [report] = ran.json
        assert report["sample"]["interrupted"] is True
        assert report["sample"]["complete"] is False
        assert report["sample"]["servers"] == 1
        assert 3_000 < report["keys"] < 5_000, "of the server that it has looked at"
        assert report["keys_error"] is None, "of the other nobody knows"
        assert report["families"][0]["family"] == "k"
        assert "looked at, stopped)" in manage("stats", *args).out
        assert cache.get("k:1") == "x" * 100, "and the connections are as good as before"
