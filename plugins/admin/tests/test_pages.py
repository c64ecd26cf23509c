"""Each page on a healthy server: who may open it, and what it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from django_redis_core.cache import RedisCache

from .looking import PAGES, ROOT, shown, text

Site = Callable[..., RedisCache]
DUMMY = "django.core.cache.backends.dummy.DummyCache"


def test_pages_are_for_staff_with_the_permission(site: Site, visit: Callable[..., Client]) -> None:
    site(default={})
    for place in (*PAGES, "default/entry/?key=a"):
        assert visit("view_cache").get(ROOT + place).status_code == 200, place
        assert visit("change_cache").get(ROOT + place).status_code == 200, (
            place
        )  # as the admin has it
        assert visit().get(ROOT + place).status_code == 403, place
        assert visit("view_cache", staff=False).get(ROOT + place).status_code == 302, place
        assert Client().get(ROOT + place).status_code == 302, place


def test_changes_need_a_permission_of_their_own(site: Site, looker: Client) -> None:
    cache = site(default={})
    cache.set("kept", 1)
    for place in ("delete", "expire", "entry/decoded"):
        answer = looker.post(f"{ROOT}default/{place}/", {"key": "kept", "yes": "1"})
        assert answer.status_code == 403, place
    assert cache.ttl("kept") == pytest.approx(300, abs=5)
    assert "Delete" not in shown(looker, "default/keys/")


def test_no_link_changes_anything(site: Site, changer: Client) -> None:
    site(default={})
    for place in ("delete", "expire", "entry/decoded"):
        assert changer.get(f"{ROOT}default/{place}/?key=a&yes=1").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = changer.cookies
    assert strict.post(f"{ROOT}default/delete/", {"key": "a", "yes": "1"}).status_code == 403


def test_the_overview_has_every_cache(site: Site, looker: Client) -> None:
    cache = site(
        default={}, other={"OPTIONS": {"COMPRESSOR": "identity"}}, django={"BACKEND": DUMMY}
    )
    cache.set("a", 1)
    words = shown(looker)
    assert "default answers" in words
    assert "other answers" in words
    assert "compressor identity" in words
    assert "primary" in words
    assert "dummy" not in words.lower()
    assert looker.get(f"{ROOT}django/").status_code == 404
    assert looker.get(f"{ROOT}nothing/keys/").status_code == 404


def test_the_admins_index_leads_to_the_pages(site: Site, looker: Client) -> None:
    site(default={})
    page = looker.get("/admin/").content.decode()
    assert f'href="{ROOT}"' in page
    assert "Redis caches" in page


def test_a_cache_shows_families_and_findings(site: Site, looker: Client) -> None:
    cache = site(default={})
    for number in range(20):
        cache.set(f"page:{number}", "x" * 1000)
    cache.set("user:1", "x")
    words = shown(looker, "default/")
    assert re.search(r"page 20 \S+ KiB", words)
    assert "user 1 " in words
    assert "has no maxmemory" in words  # what the doctor says of the test's server
    assert re.search(r"page:\d+ 1\.1 KiB", words)  # among the biggest
    assert "in its log" in words
    with_times = shown(looker, "default/", lookups=1)
    assert "under an hour 21" in with_times


def test_keys_are_found_page_by_page(site: Site, looker: Client) -> None:
    cache = site(default={})
    cache.set_many({f"page:{number:04}": number for number in range(450)})
    cache.set("other", 1)
    place, found, pages = "default/keys/", set(), 0
    query = f"?{urlencode({'q': 'page:*'})}"
    for _ in range(20):
        pages += 1
        page = looker.get(ROOT + place + query).content.decode()
        found |= set(re.findall(r">(page:\d{4})<", page))
        after = re.search(r'rel="next" href="[^"]*/keys/([^"]*)"', page)
        if after is None:
            break
        query = after[1].replace("&amp;", "&")
    assert len(found) == 450
    assert pages > 2
    assert ">other<" not in page


def test_keys_are_found_by_type_with_their_times(site: Site, looker: Client) -> None:
    cache = site(default={})
    cache.set("text", "x", 100)
    cache.hset("hash", "field", 1)
    words = shown(looker, "default/keys/", type="hash", lookups=1)
    assert re.search(r"\bhash hash never expires", words)
    assert " text " not in words
    assert re.search(r"text string \d+ s", shown(looker, "default/keys/", lookups=1))


def test_looking_for_keys_is_no_hit(site: Site, looker: Client, own_server: Any) -> None:
    cache = site(default={"LOCATION": own_server.url})
    cache.set_many({f"k{number}": "x" for number in range(50)})
    before = own_server.info("stats")
    for place in ("", "default/keys/", "default/live/"):
        shown(looker, place)
    after = own_server.info("stats")
    assert (after["keyspace_hits"], after["keyspace_misses"]) == (
        before["keyspace_hits"],
        before["keyspace_misses"],
    )


def test_an_entry_shows_value_size_format_and_time(site: Site, looker: Client) -> None:
    cache = site(default={})
    cache.set("a-key", {"name": "snö"}, 100)
    words = shown(looker, "default/entry/", key="a-key")
    assert "{'name': 'snö'}" in words
    assert re.search(r"format pickle\b", words)
    assert re.search(r"stored \d+ B", words)
    assert re.search(r"lives on \d+ s", words)
    cache.set("of-two", 7, version=2)
    assert "There is no" in shown(looker, "default/entry/", key="of-two")
    assert "integer" in shown(looker, "default/entry/", key="of-two", version=2)


def test_pickles_of_classes_are_decoded_on_demand(site: Site, changer: Client) -> None:
    from django.contrib.admin.models import LogEntry

    cache = site(default={})
    cache.set("day", date(2024, 2, 29))
    words = shown(changer, "default/entry/", key="day")
    assert "datetime.date(2024, 2, 29)" not in words
    assert "Not decoded" in words
    page = changer.post(f"{ROOT}default/entry/decoded/", {"key": "day"})
    assert "datetime.date(2024, 2, 29)" in text(page)
    [line] = LogEntry.objects.all()
    assert line.object_repr == "default: day"
    cache.hset("dates", "of leap", date(2024, 2, 29))
    words = shown(changer, "default/entry/", key="dates")
    assert "datetime.date(2024, 2, 29)" not in words
    assert "not decoded" in words


def test_structures_are_tables_in_pages(site: Site, looker: Client) -> None:
    cache = site(default={})
    cache.hset("hash", mapping={"name": "snö", "age": 7})
    cache.rpush("list", *(f"item {number}" for number in range(150)))
    cache.sadd("set", "a", "b")
    cache.zadd("zset", {"low": 1, "high": 2.5})
    assert "age 7 int" in shown(looker, "default/entry/", key="hash")
    words = shown(looker, "default/entry/", key="list")
    assert "list, 150 members" in words
    assert "0 'item 0' str" in words
    assert "'item 100'" not in words
    assert "149 'item 149' str" in shown(looker, "default/entry/", key="list", at=100)
    assert "2 members" in shown(looker, "default/entry/", key="set")
    assert "2.5 'high' str" in shown(looker, "default/entry/", key="zset")


def test_deleting_asks_first_and_is_logged(site: Site, changer: Client) -> None:
    from django.contrib.admin.models import DELETION, LogEntry

    cache = site(default={})
    cache.set_many({"one": 1, "two": 2, "three": 3})
    chosen = {"key": ["one", "two"], "q": "*", "version": ""}
    page = changer.post(f"{ROOT}default/delete/", chosen)
    assert "Delete 2 keys of the cache default?" in text(page)
    assert cache.get_many(["one", "two", "three"]) == {"one": 1, "two": 2, "three": 3}
    page = changer.post(f"{ROOT}default/delete/", {**chosen, "yes": "1"}, follow=True)
    assert "2 keys of default deleted." in text(page)
    assert cache.get_many(["one", "two", "three"]) == {"three": 3}
    lines = LogEntry.objects.order_by("pk")
    assert [line.object_repr for line in lines] == ["default: one", "default: two"]
    assert {line.action_flag for line in lines} == {DELETION}
    followed = changer.get(lines[0].get_admin_url(), follow=True)
    assert "There is no" in text(followed)


def test_another_time_to_live_asks_first_and_is_logged(site: Site, changer: Client) -> None:
    from django.contrib.admin.models import LogEntry

    cache = site(default={})
    cache.set("a", 1, 1000)
    asked = changer.post(f"{ROOT}default/expire/", {"key": "a", "seconds": "60"})
    assert "so that it expires in 60 s?" in text(asked)
    assert cache.ttl("a") > 900
    changer.post(f"{ROOT}default/expire/", {"key": "a", "seconds": "60", "yes": "1"})
    assert 0 < cache.ttl("a") <= 60
    changer.post(f"{ROOT}default/expire/", {"key": "a", "seconds": "", "yes": "1"})
    assert cache.ttl("a") is None
    page = changer.post(
        f"{ROOT}default/expire/", {"key": "b", "seconds": "9", "yes": "1"}, follow=True
    )
    assert "no such entry" in text(page)
    page = changer.post(f"{ROOT}default/expire/", {"key": "a", "seconds": "soon"}, follow=True)
    assert "is no number of seconds" in text(page)
    words = [line.change_message for line in LogEntry.objects.order_by("pk")]
    assert words == ["It expires in 60 s.", "It never expires."]


def test_the_live_view_tells_counters(site: Site, looker: Client) -> None:
    cache = site(default={})
    cache.set("a", 1)
    before = looker.get(f"{ROOT}default/live.json").json()["servers"][0]
    cache.get("a")
    after = looker.get(f"{ROOT}default/live.json").json()["servers"][0]
    assert after["hits"] > before["hits"]
    assert after["at"] > before["at"]
    assert after["run"] == before["run"]
    assert after["round_trip_ms"] > 0


def test_what_cannot_be_meant_is_said(site: Site, looker: Client) -> None:
    site(default={})
    assert "[ without a ]" in shown(looker, "default/keys/", q="[abc")
    assert "search anew" in shown(looker, "default/keys/", at="1' OR 1")
    assert "search anew" in shown(looker, "default/keys/", at="0123456789ab-0:17")
    assert "There is no" in shown(looker, "default/entry/", key="")
    assert "There is no" in shown(looker, "default/entry/", key="a", at="-1")
    assert looker.get(f"{ROOT}not json/change/").status_code == 404
