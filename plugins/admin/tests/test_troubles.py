"""Servers that are down or allow little, and settings that are refused: told in words."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated

from .looking import PAGES, ROOT, shown, text

Site = Callable[..., RedisCache]
SHORT = {"SOCKET_TIMEOUT": 1, "SOCKET_CONNECT_TIMEOUT": 1}


def test_a_server_that_is_down(site: Site, changer: Client, own_server: Server) -> None:
    from django.contrib.admin.models import LogEntry

    cache = site(default={"LOCATION": own_server.url, "OPTIONS": SHORT}, well={})
    cache.set("a", 1)
    own_server.kill()
    words = shown(changer)
    assert "default in trouble" in words
    assert "well answers" in words
    assert "cannot be asked" in shown(changer, "default/")
    for place in PAGES[1:]:
        assert changer.get(ROOT + place).status_code == 200, place
    assert "The cache 'default'" in shown(changer, "default/entry/", key="a")
    assert str(own_server.port) in shown(changer, "default/keys/")
    assert changer.get(f"{ROOT}default/live.json").json()["servers"][0]["error"]
    gone = changer.post(f"{ROOT}default/delete/", {"key": "a", "yes": "1"}, follow=True)
    assert "Nothing was deleted." in text(gone)
    kept = changer.post(
        f"{ROOT}default/expire/", {"key": "a", "seconds": "9", "yes": "1"}, follow=True
    )
    assert "The cache 'default'" in text(kept)
    assert changer.post(f"{ROOT}default/entry/decoded/", {"key": "a"}).status_code == 200
    assert not LogEntry.objects.filter(action_flag=3).exists(), "what was not done is not logged"


def test_a_primary_that_is_down_and_its_replica_well(site: Site, changer: Client) -> None:
    with replicated(1) as group:
        cache = site(default={"LOCATION": group.urls, "OPTIONS": SHORT})
        cache.set("a", "kept")
        group.wait_in_sync()
        words = shown(changer, "default/")
        assert "replica" in words
        assert "<line" in changer.get(f"{ROOT}default/").content.decode()
        group.primary.kill()
        assert "default partly" in shown(changer)
        words = shown(changer, "default/entry/", key="a")
        assert "kept" in words
        assert "Read from a replica" in words


def test_a_user_who_is_allowed_little(site: Site, changer: Client, own_server: Server) -> None:
    own_server.cli(
        "ACL", "SETUSER", "shop", "on", ">word", "~*", "-@all", "+get", "+set", "+client"
    )
    url = own_server.url.replace("redis://", "redis://shop:word@")
    cache = site(default={"LOCATION": url, "OPTIONS": SHORT})
    cache.set("a", 1)
    for place in PAGES:
        page = changer.get(ROOT + place)
        assert page.status_code == 200, place
        assert "word@" not in page.content.decode()
    assert "refuses" in shown(changer, "default/")
    assert "SCAN" in shown(changer, "default/keys/") or "scan" in shown(changer, "default/keys/")
    assert "lives on not told to this user" in shown(changer, "default/entry/", key="a")
    own_server.cli("ACL", "SETUSER", "shop", "+scan", "+pttl")
    assert "a –" in shown(changer, "default/keys/", lookups=1)
    assert "integer" in shown(changer, "default/entry/", key="a")
    kept = changer.post(f"{ROOT}default/delete/", {"key": "a", "yes": "1"}, follow=True)
    assert "Nothing was deleted." in text(kept)


def test_settings_that_are_refused(site: Site, changer: Client) -> None:
    site(default={"KEY_PREFIX": "x"}, broken={"OPTIONS": {"SERIALIZER": "nosuch"}})
    words = shown(changer)
    assert "broken in trouble" in words
    assert "'nosuch'" in words
    for place in PAGES[1:]:
        assert changer.get(ROOT + place.replace("default", "broken")).status_code == 200, place
    assert "'nosuch'" in shown(changer, "broken/keys/")


def test_keys_of_others_are_no_keys_of_the_cache(
    site: Site, changer: Client, own_server: Server
) -> None:
    cache = site(default={"LOCATION": own_server.url, "KEY_PREFIX": "shop"})
    cache.set("ours", 1)
    cache.set("<b>bold</b>", "<script>alert(1)</script>")
    raw = own_server.client()
    raw.set(b"theirs", b"1")
    raw.set(b"shop:1:\xff\xfe", b"1")
    raw.xadd("shop:1:stream", {"a": 1})
    words = shown(changer, "default/keys/")
    assert "theirs" not in words
    assert r"\xff\xfe (no text" in words
    page = changer.get(f"{ROOT}default/entry/?key=%3Cb%3Ebold%3C/b%3E").content.decode()
    assert "<script>alert" not in page
    assert "<b>bold" not in page
    assert "a stream, which no operation of a cache reads" in shown(
        changer, "default/entry/", key="stream"
    )
    assert "There is no" in shown(changer, "default/entry/", key="theirs")
