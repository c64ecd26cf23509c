"""What plugins add to ``redis_cache``: subcommands, findings, columns; what they cannot break."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management.base import CommandError

from django_redis_core import hookimpl
from django_redis_core.commands import GET, SET, Command, Kind
from django_redis_core.interfaces import (
    BuiltCache,
    EntryColumn,
    Finding,
    ServerColumn,
    Subcommand,
)
from django_redis_core.testing.servers import Server

from .conftest import Ran, one, problems

Acting = Callable[..., object]
Manage = Callable[..., Ran]
MakeSite = Callable[..., Any]

_STRLEN = Kind("STRLEN", write=False)


class Owner(Subcommand):
    """The one of the interface's docstring, and what goes wrong on demand."""

    name = "owner"
    help = "Print whose entries these are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--key", default="owner", help="Where that stands.")

    def report(self, cache: BuiltCache, *, key: str) -> Any:
        if key == "refused":
            raise CommandError("Not that one.")
        if key == "broken":
            raise RuntimeError("no idea")
        return {"owner": cache.call("get", key)}

    def lines(self, report: Any) -> Iterator[str]:
        yield f"owned by {report['owner'] or 'nobody'}"

    def problem(self, report: Any) -> str:
        return "" if report["owner"] else "nobody owns it"


def named(name: str) -> Subcommand:
    return type("Named", (Owner,), {"name": name})()


# --- subcommands ----------------------------------------------------------------------------------


def test_a_subcommand_reports_on_every_cache(
    site: MakeSite, manage: Manage, acting: Acting
) -> None:
    acting(redis_cache_subcommands=lambda: [Owner()])
    cache = site(default={}, other={"KEY_PREFIX": "other"})
    cache.set("owner", "Ada")
    ran = manage("owner")
    assert ran.out == "default:\n  owned by Ada\n\nother:\n  owned by nobody\n"
    assert (ran.code, ran.error) == (1, "other: nobody owns it")
    ran = manage("owner", "--alias", "default", "--json")
    assert (ran.json, ran.code) == ([{"alias": "default", "report": {"owner": "Ada"}}], 0)
    ran = manage("owner", "--json", "--key", "nothing")
    assert ran.json[0] == {
        "alias": "default",
        "report": {"owner": None},
        "error": "nobody owns it",
    }
    assert manage("owner", "--alias", "typo").code == 2


def test_what_a_subcommand_raises_is_told_and_the_next_cache_has_its_turn(
    site: MakeSite, manage: Manage, acting: Acting, own_server: Server
) -> None:
    acting(redis_cache_subcommands=lambda: [Owner()])
    password = "s3cret-of-the-cache"
    location = own_server.url.replace("://", f"://:{password}@")
    cache = site(
        well={},
        dead={"LOCATION": location, "OPTIONS": {"IGNORE_EXCEPTIONS": True}},
        typo={"OPTIONS": {"SERIALISER": "json"}},
    )
    cache.set("owner", "Ada")
    own_server.kill()
    ran = manage("owner")
    assert "owned by Ada" in ran.out
    dead, typo = ran.error.splitlines()
    assert "Connection refused" in dead
    assert typo.startswith("typo: CACHES['typo']")
    ran = manage("owner", "--key", "refused", "--alias", "well")
    assert (ran.code, ran.error) == (1, "well: Not that one.")
    ran = manage("owner", "--key", "broken", "--alias", "well")
    assert ran.error == (
        "well: acme 1.0: its hook redis_cache_subcommands (owner) raised RuntimeError: no idea"
    )
    assert password not in ran.out + ran.err + ran.error + dead


def test_two_plugins_of_one_name_are_both_named_and_stop_no_other(
    site: MakeSite, manage: Manage, acting: Acting
) -> None:
    acting("acme 1.0", redis_cache_subcommands=lambda: [Owner(), named("alone")])
    acting("bravo 2.0", redis_cache_subcommands=lambda: [named("owner")])
    site(default={}).set("owner", "Ada")
    ran = manage("owner")
    assert (ran.code, ran.error) == (1, "acme 1.0 and bravo 2.0 offer the same subcommand 'owner'.")
    assert "owned by Ada" in manage("alone").out
    assert manage("ttl", "owner").code == 0


def test_a_name_of_the_cores_stays_the_cores(
    site: MakeSite, manage: Manage, acting: Acting
) -> None:
    acting("acme 1.0", redis_cache_subcommands=lambda: [named("ttl")])
    site(default={}).set("owner", "Ada")
    ran = manage("ttl", "owner")
    assert ran.out.startswith("expires in")
    assert ran.err == (
        "The subcommand 'ttl' of acme 1.0 is ignored: the name is that of one of "
        "django-redis-core.\n"
    )


class Wordless(Owner):
    help = ""


class Clashing(Owner):
    name = "clashing"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--alias")


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (lambda: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (lambda: [Owner], "returned a ABCMeta among others"),
        (lambda: Owner(), "returned a Owner; it must return objects of subclasses of Subcommand"),
        (lambda: [named("two words")], "returned a Named with the name 'two words'"),
        (lambda: [Wordless()], "returned a Wordless without help"),
        (lambda: [Clashing()], "raised ArgumentError"),
    ],
)
def test_a_plugin_that_offers_nonsense_is_named_and_the_command_goes_on(
    site: MakeSite, manage: Manage, acting: Acting, hook: Any, words: str
) -> None:
    acting("acme 1.0", redis_cache_subcommands=hook)
    acting("bravo 2.0", redis_cache_subcommands=lambda: [named("alone")])
    site(default={}).set("owner", "Ada")
    ran = manage("alone")
    assert (ran.code, ran.out) == (0, "default:\n  owned by Ada\n")
    assert ran.err.startswith("acme 1.0: its hook redis_cache_subcommands")
    assert words in ran.err


def test_a_list_of_plugins_that_is_wrong_is_told_by_every_subcommand(
    site: MakeSite, manage: Manage, settings: Any
) -> None:
    site(default={})
    settings(DJANGO_REDIS_PLUGINS=["nobody-has-this"])
    assert "settings.DJANGO_REDIS_PLUGINS: there is no plugin named" in manage("plugins").err
    settings(DJANGO_REDIS_PLUGINS="near")
    assert "must be a list" in manage("plugins").err


# --- doctor ---------------------------------------------------------------------------------------


def test_doctor_asks_plugins_of_every_kind(site: MakeSite, manage: Manage, acting: Acting) -> None:
    def look(cache: BuiltCache) -> Iterator[Finding]:
        yield Finding("note", f"{cache.alias} is known")
        if cache.call("get", "ill"):
            yield Finding("problem", "It is ill.")

    acting("acme", examine=look)
    cache = site(default={}, other={"KEY_PREFIX": "other"})
    default, other = manage("doctor", "--json").json
    assert {"level": "note", "text": "default is known", "plugin": "acme"} in default["findings"]
    assert {"level": "note", "text": "other is known", "plugin": "acme"} in other["findings"]
    assert default["ok"] is True
    cache.set("ill", 1)
    ran = manage("doctor")
    assert ran.code == 1
    assert "problem   It is ill.\n" in ran.out


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (lambda: 1 / 0, "raised ZeroDivisionError: division by zero."),
        (lambda: ["text"], "returned a str among others; it must return findings, such as"),
        (lambda: [Finding("bad", "text")], "returned a finding of the level 'bad'; there are"),
        (lambda cache: cache.run(iter([])), "raised"),
    ],
)
def test_a_plugin_that_cannot_examine_is_a_problem_that_names_it(
    site: MakeSite, manage: Manage, acting: Acting, hook: Any, words: str
) -> None:
    acting("acme 1.0", examine=hook)
    acting("bravo 2.0", examine=lambda: [Finding("note", "well")])
    site(default={})
    [report] = manage("doctor", "--json").json
    found = one(problems(report), "acme 1.0: its hook examine")
    assert words in found
    assert {"level": "note", "text": "well", "plugin": "bravo 2.0"} in report["findings"]
    assert report["write"] == "ok"


def test_a_plugin_is_asked_while_servers_are_down_and_shows_no_password(
    site: MakeSite, manage: Manage, acting: Acting, own_server: Server
) -> None:
    def look(cache: BuiltCache) -> Any:
        raise RuntimeError(f"cannot use {cache.options.locations[0]}")

    acting(examine=look)
    location = own_server.url.replace("://", "://:s3cret-of-all@")
    site(default={"LOCATION": location})
    own_server.kill()
    [report] = manage("doctor", "--json").json
    assert one(problems(report), "acme 1.0: its hook examine raised RuntimeError")
    assert "s3cret" not in json.dumps(report)


def test_a_wrapper_may_silence_what_a_site_knows(
    site: MakeSite, manage: Manage, acting: Acting
) -> None:
    def silence(cache: BuiltCache) -> Any:
        found: Any = yield
        return [[one for one in findings if one.level != "problem"] for findings in found]

    acting("acme", examine=lambda: [Finding("problem", "known"), Finding("note", "kept")])
    acting("site", examine=hookimpl(wrapper=True)(silence))
    site(default={})
    [report] = manage("doctor", "--json").json
    assert report["ok"] is True
    assert [one["text"] for one in report["findings"] if one.get("plugin")] == ["kept"]


# --- stats ----------------------------------------------------------------------------------------


def columns_of(report: dict[str, Any], family: str) -> Any:
    return next(one for one in report["families"] if one["family"] == family)["columns"]


def ask_length(key: str) -> Command:
    return Command(_STRLEN, (b"STRLEN", key), key)


LONG = EntryColumn("long", ask_length, lambda key, reply: int(reply) > 100)
CLIENTS = ServerColumn("clients", lambda info: int(info["connected_clients"]))


def test_columns_of_families_and_servers(site: MakeSite, manage: Manage, acting: Acting) -> None:
    acting("acme", stats_columns=lambda cache: [LONG, CLIENTS])
    acting("bravo", stats_columns=lambda: [EntryColumn("long", ask_length, lambda *_: 2)])
    cache = site(default={})
    cache.set_many({f"a:{number}": "x" * (200 if number < 3 else 5) for number in range(10)})
    cache.set_many({f"b:{number}": "x" for number in range(4)})
    cache.hset("h:1", "field", "of another type")
    ran = manage("stats", "--lookups", "--json")
    [report] = ran.json
    assert columns_of(report, "a") == {"acme": {"long": 3}, "bravo": {"long": 20}}
    assert columns_of(report, "b") == {"acme": {"long": 0}, "bravo": {"long": 8}}
    assert columns_of(report, "h") == {"acme": {"long": 0}, "bravo": {"long": 0}}
    assert report["servers"][0]["columns"]["acme"]["clients"] >= 1
    assert report["plugin_faults"] == []
    text = manage("stats", "--lookups").out
    [head] = [line.split() for line in text.splitlines() if line.startswith("  FAMILY")]
    [row] = [line.split() for line in text.splitlines() if re.match("  a +1", line)]
    assert head[-2:] == ["LONG", "LONG"]
    assert sorted(row[-2:]) == ["20", "3"]
    assert "CLIENTS" in text
    [report] = manage("stats", "--lookups", "--json", "--families", "1").json
    assert report["other_families"]["columns"] == {"acme": {"long": 0}, "bravo": {"long": 8}}


def test_a_column_of_a_sample_stands_for_all_keys(
    site: MakeSite, manage: Manage, acting: Acting, own_server: Server
) -> None:
    acting("acme", stats_columns=lambda: [LONG])
    cache = site(default={"LOCATION": own_server.url})
    with cache.pipeline() as pipeline:
        for number in range(8_000):
            pipeline.set(f"k:{number}", "x" * (200 if number % 2 else 5), None)
    [report] = manage("stats", "--lookups", "--json", "--sample", "1000").json
    assert report["sample"]["complete"] is False
    assert 3_000 < columns_of(report, "k")["acme"]["long"] < 5_000


def broken(*args: Any) -> Any:
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (broken, "raised RuntimeError: no idea"),
        (lambda: ["long"], "returned a str among others; it must return columns"),
        (lambda: [ServerColumn("x", broken)], "raised RuntimeError: no idea"),
        (lambda: [ServerColumn("x", dict)], "has a column 'x' with a dict for a cell"),
        (lambda: [EntryColumn("x", broken, len)], "raised RuntimeError: no idea"),
        (lambda: [EntryColumn("x", GET, broken)], "raised RuntimeError: no idea"),
        (lambda: [EntryColumn("x", str, broken)], "asks a str; it must be a Command that reads"),
        (lambda: [EntryColumn("x", lambda key: SET(key, b""), broken)], "that asks a Command;"),
        (lambda: [EntryColumn("x", GET, lambda *_: "many")], "counts 'many', which is no number"),
        (lambda: [EntryColumn("x", GET, lambda *_: float("nan"))], "counts nan, which is no"),
    ],
)
def test_a_column_that_goes_wrong_is_named_once_and_left_out(
    site: MakeSite, manage: Manage, acting: Acting, columns: Any, words: str
) -> None:
    acting("acme 1.0", stats_columns=columns)
    acting("bravo", stats_columns=lambda: [LONG])
    cache = site(default={})
    cache.set_many({f"a:{number}": "x" * 200 for number in range(10)})
    ran = manage("stats", "--lookups", "--json")
    [report] = ran.json
    [fault] = report["plugin_faults"]
    assert fault.startswith("acme 1.0: its hook stats_columns ")
    assert words in fault
    assert columns_of(report, "a") == {"bravo": {"long": 10}}
    assert report["servers"][0].get("columns") is None
    assert (ran.code, report["keys"]) == (0, 10)
    assert cache.get("a:1") == "x" * 200
    assert words.split("raised")[-1] in manage("stats", "--lookups").out
