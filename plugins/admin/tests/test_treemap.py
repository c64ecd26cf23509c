"""Families as areas: each as large as its bytes, none over another, and nothing without bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import combinations

import pytest
from django.test import Client

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server
from django_redis_core_admin.treemap import Box, squarified

from .looking import ROOT, shown

Site = Callable[..., RedisCache]


@pytest.mark.parametrize(
    "shares",
    [[1.0], [6, 6, 4, 3, 2, 2, 1], [1] * 20, [10**9, 1, 1], [2.0**-n for n in range(40)]],
    ids=["one", "as in the paper", "alike", "one and crumbs", "ever smaller"],
)
@pytest.mark.parametrize("width", [3.2, 0.5])
def test_boxes_fill_the_room(shares: list[float], width: float) -> None:
    areas = [share / sum(shares) * width for share in shares]
    boxes = list(squarified(areas, Box(0, 0, width, 1)))
    for area, box in zip(areas, boxes, strict=True):
        assert box.width * box.height == pytest.approx(area, rel=1e-4, abs=1e-8)
        assert -1e-6 <= box.x <= box.x + box.width <= width + 1e-6
        assert -1e-6 <= box.y <= box.y + box.height <= 1 + 1e-6
    for one, other in combinations(boxes, 2):
        across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        assert across < 1e-6 or down < 1e-6, (one, other)


def test_alike_ones_are_near_to_squares() -> None:
    boxes = squarified([0.3] * 10, Box(0, 0, 3, 1))
    assert all(0.4 < box.width / box.height < 2.5 for box in boxes)


def test_a_cache_shows_its_families_as_areas(site: Site, looker: Client) -> None:
    cache = site(default={})
    for family, count, length in (("page", 30, 5000), ("user", 30, 1000), ("<b>", 2, 500)):
        cache.set_many({f"{family}:{number}": "x" * length for number in range(count)})
    page = looker.get(f"{ROOT}default/").content.decode()
    drawing = re.search(r'<svg class="rc-treemap".*?</svg>\n</svg>', page, re.S)
    assert drawing is not None
    assert "style=" not in drawing[0]
    assert "<b>" not in drawing[0]
    cells = re.findall(
        r'<svg class="rc-area-(\d)[^>]* width="([\d.]+)%" height="([\d.]+)%"><title>([^<]*)<',
        drawing[0],
    )
    assert [title.partition(":")[0] for *_, title in cells] == ["page", "user", "&lt;b&gt;"]
    areas = [float(width) * float(height) for _, width, height, _ in cells]
    assert math.fsum(areas) == pytest.approx(100 * 100, rel=0.001)
    assert 4 < areas[0] / areas[1] < 5.5
    assert re.search(r": \d+\.\d KiB, \d\d\.\d% of all, 30 keys$", cells[0][3])
    assert ">page</text>" in drawing[0]


def test_one_family_and_unknown_bytes_are_no_areas(
    site: Site, looker: Client, own_server: Server
) -> None:
    own_server.cli("ACL", "SETUSER", "shop", "on", ">word", "~*", "+@all", "-memory")
    url = own_server.url.replace("redis://", "redis://shop:word@")
    cache = site(default={}, refused={"LOCATION": url})
    cache.set("page:1", 1)
    assert "rc-treemap" not in looker.get(f"{ROOT}default/").content.decode()
    from django.core.cache import caches

    caches["refused"].set_many({"page:1": 1, "user:1": 1})
    assert "rc-treemap" not in looker.get(f"{ROOT}refused/").content.decode()
    assert "refuses MEMORY USAGE" in shown(looker, "refused/")
