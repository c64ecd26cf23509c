"""The pages, all but history: what the core's reports say, and the two changes that it offers."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.management.base import CommandError
from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse

from django_redis_core.operating import OperatedCache, counted, operated_caches, span

from .page import CHANGE, DELETION, Page
from .topology import drawing
from .treemap import treemap

TYPES = ("string", "hash", "list", "set", "zset")
SAMPLES = (2_000, 20_000)


def overview(page: Page) -> HttpResponse:
    """All caches."""
    caches = []
    for report in (cache.overview() for cache in operated_caches()):
        down = [server for server in report["servers"] if "error" in server]
        partly = bool(down) and len(down) < len(report["servers"])
        caches.append({**report, "partly": partly, "trouble": bool(down) and not partly})
    return page.show("overview", "Redis caches", caches=caches)


def one_cache(page: Page, cache: OperatedCache) -> HttpResponse:
    """What is in a cache, and what the doctor says of it."""
    sample = SAMPLES[-1] if "more" in page.request.GET else SAMPLES[0]
    lookups = "lookups" in page.request.GET
    doctor = cache.doctor()
    stats = cache.stats(sample, lookups=lookups)
    roles = {server["name"]: server["expected_role"] for server in doctor["servers"]}
    for server in stats.get("servers", ()):
        server["expected_role"] = roles.get(server["name"], server.get("role", "?"))
    largest = max((one["bytes"] for one in stats.get("families", ())), default=0) or 1
    most = max((stats.get("ttl") or {}).values(), default=0) or 1
    return page.show(
        "cache",
        f"Cache {cache.alias}",
        alias=cache.alias,
        tab="cache",
        doctor=doctor,
        tree=drawing(cache.alias, doctor["servers"]) if doctor["servers"] else None,
        stats=stats,
        cells=treemap(stats),
        biggest=[_linked(page, cache, one) for one in stats.get("biggest", ())],
        largest=largest,
        most=most,
        slowlog=_slowlog(cache),
        more="more" in page.request.GET,
        lookups=lookups,
    )


def live(page: Page, cache: OperatedCache) -> HttpResponse:
    """The plots that a script draws, and without scripts the counters."""
    return page.show(
        "live", f"{cache.alias} now", alias=cache.alias, tab="live", report=cache.live()
    )


def counters(page: Page, cache: OperatedCache) -> HttpResponse:
    """What the script asks for."""
    return JsonResponse(cache.live())


def keys(page: Page, cache: OperatedCache) -> HttpResponse:
    """A page of keys that match a pattern."""
    given = page.request.GET
    pattern, version = given.get("q", "*") or "*", given.get("version", "")
    kind = given.get("type", "") if given.get("type", "") in TYPES else ""
    lookups = "lookups" in given
    found, trouble = _told(
        lambda: cache.keys(
            pattern, version or None, at=given.get("at", ""), kind=kind, lookups=lookups
        )
    )
    query = {"q": pattern, "version": version, "type": kind, "lookups": "1" if lookups else ""}
    rows = [
        {**one, "url": page.url("entry", cache.alias, key=one["key"], version=version)}
        for one in (found or {}).get("keys", ())
    ]
    after = (found or {}).get("next")
    return page.show(
        "keys",
        f"Keys of {cache.alias}",
        alias=cache.alias,
        tab="keys",
        found=found,
        trouble=trouble,
        rows=rows,
        pattern=pattern,
        version=version,
        kind=kind,
        types=TYPES,
        lookups=lookups,
        begun=bool(given.get("at")),
        first=page.url("keys", cache.alias, **query),
        after=page.url("keys", cache.alias, **query, at=after) if after else "",
    )


def entry(page: Page, cache: OperatedCache) -> HttpResponse:
    """One entry, of any type."""
    given = page.request.GET
    return _entry(page, cache, given.get("key", ""), given.get("version", ""), given.get("at", ""))


def decoded(page: Page, cache: OperatedCache) -> HttpResponse:
    """The same with values decoded that may run code, which is why it is asked for by POST."""
    given = page.request.POST
    key, version = given.get("key", ""), given.get("version", "")
    page.log(CHANGE, cache.alias, [key], version, "Decoded a value that may run code.")
    return _entry(page, cache, key, version, given.get("at", ""), decode=True)


def _entry(
    page: Page, cache: OperatedCache, key: str, version: str, at: str, *, decode: bool = False
) -> HttpResponse:
    place = int(at) if at.isdecimal() and len(at) < 20 else 0
    report, trouble = _told(lambda: cache.entry(key, version or None, decode=decode, at=place))
    after = (report or {}).get("next")
    return page.show(
        "entry",
        f"An entry of {cache.alias}",
        alias=cache.alias,
        key=key,
        version=version,
        at=place,
        report=report,
        trouble=trouble,
        after=page.url("entry", cache.alias, key=key, version=version, at=after) if after else "",
    )


def delete(page: Page, cache: OperatedCache) -> HttpResponse:
    """Asks whether to delete keys, and after a yes deletes them."""
    given = page.request.POST
    keys, version = list(dict.fromkeys(given.getlist("key"))), given.get("version", "")
    back: dict[str, Any] = {"q": given.get("q", ""), "version": version}
    if not keys:
        page.warn("Choose the keys that are to be deleted.")
        return page.go("keys", cache.alias, **back)
    if "yes" not in given:
        return page.show(
            "delete",
            "Are you sure?",
            alias=cache.alias,
            keys=keys,
            version=version,
            pattern=back["q"],
            back=page.url("keys", cache.alias, **back),
        )
    try:
        with transaction.atomic():  # what failed wholly is not in the log
            page.log(DELETION, cache.alias, keys, version, "")
            done = cache.delete(keys, version or None)
    except CommandError as error:
        page.warn(f"Nothing was deleted. {error}")
        return page.go("keys", cache.alias, **back)
    page.say(f"{counted(done['deleted'], 'key')} of {cache.alias} deleted.")
    if done["error"]:
        page.warn(f"Not all servers could be asked: {done['error']}")
    return page.go("keys", cache.alias, **back)


def expire(page: Page, cache: OperatedCache) -> HttpResponse:
    """Asks whether an entry is to live for another time, and after a yes lets it."""
    given = page.request.POST
    key, version, written = given.get("key", ""), given.get("version", ""), given.get("seconds", "")
    written = written.strip()
    try:
        seconds = float(written) if written else None
        if seconds is not None and not 0 < seconds < 10**10:
            raise ValueError
    except ValueError:
        page.warn(f"{written!r} is no number of seconds above 0; leave it empty for “never”.")
        return page.go("entry", cache.alias, key=key, version=version)
    words = "never expires" if seconds is None else f"expires in {span(seconds)}"
    if "yes" not in given:
        return page.show(
            "expire",
            "Are you sure?",
            alias=cache.alias,
            key=key,
            version=version,
            seconds=written,
            words=words,
            back=page.url("entry", cache.alias, key=key, version=version),
        )
    try:
        with transaction.atomic():
            page.log(CHANGE, cache.alias, [key], version, f"It {words}.")
            if not cache.expire(key, seconds, version or None):
                raise CommandError("There is no such entry any more.")
    except CommandError as error:
        page.warn(str(error))
    else:
        page.say(f"{key} {words}.")
    return page.go("entry", cache.alias, key=key, version=version)


def logged(page: Page, object_id: str) -> HttpResponse:
    """The entry that a line of the admin's log is about."""
    try:
        alias, key, version = json.loads(unquote(object_id))
    except ValueError:
        raise Http404("No line of the log is about this.") from None
    return page.go("entry", str(alias), key=str(key), version=str(version))


def _linked(page: Page, cache: OperatedCache, one: dict[str, Any]) -> dict[str, Any]:
    """An entry of ``stats``, with the address of its page where its name is known."""
    named = cache.named(one["key"])
    if named is None:
        return one
    key, version = named
    return {**one, "name": key, "url": page.url("entry", cache.alias, key=key, version=version)}


def _slowlog(cache: OperatedCache) -> dict[str, Any]:
    report = cache.slowlog()
    for server in report.get("servers", ()):
        for one in server.get("entries") or ():
            one["when"] = one["at"].removesuffix("+00:00").replace("T", " ")
    return report


def _told(ask: Any) -> tuple[Any, str]:
    """A report, or the words for which there is none."""
    try:
        return ask(), ""
    except CommandError as error:
        return None, str(error)
