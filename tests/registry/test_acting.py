"""Hooks that act: who is asked, what is refused, and whose fault is whose."""

from __future__ import annotations

import json
import signal
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from django_redis_core import hookimpl
from django_redis_core._plugins import hookspecs
from django_redis_core._plugins.asking import Answer, many
from django_redis_core._plugins.registry import Registry
from django_redis_core.exceptions import PluginConflict, PluginLoadError, PluginNotFound

from .conftest import Own, Site, compressor, offering

texts = many(str, "texts")


def acting(**hooks: Any) -> Any:
    return type("Acting", (), {name: staticmethod(hook) for name, hook in hooks.items()})


def answers(registry: Registry, *uses: type, **arguments: Any) -> list[Answer[Any]]:
    asked = registry.ask("examine", texts, uses or None, **{"cache": None, **arguments})
    return list(asked)


def values(registry: Registry, *uses: type) -> list[Any]:
    return [answer.value for answer in answers(registry, *uses)]


def test_every_hook_has_a_specification_with_words() -> None:
    manager = Registry(list).manager
    for name in hookspecs.ACTS:
        assert getattr(manager.hook, name).has_spec()
        assert len(getattr(hookspecs, name).__doc__) > 100, name
        specification = getattr(hookspecs, name)
        with pytest.raises(AssertionError):
            specification(*[None] * specification.__code__.co_argcount)


def test_a_module_of_hooks_alone_is_asked_and_takes_what_arguments_it_needs() -> None:
    registry = Registry(list)
    registry.register(acting(examine=hookimpl(lambda cache: [cache])), "one")
    registry.register(acting(examine=hookimpl(lambda: ["two"])), "two")
    registry.register(acting(examine=hookimpl(lambda: None)), "three")
    found = answers(registry, cache="mine")
    assert [(answer.of.source.distribution, answer.value) for answer in found] == [
        ("two", ["two"]),
        ("one", ["mine"]),
    ]


def test_a_part_of_caches_is_asked_about_those_that_use_it() -> None:
    class Mine(Own):
        """Of a project, by its dotted path."""

    class Other(Own):
        name = "other"

    registry = Registry(list)
    part = offering(Own)
    part.examine = staticmethod(hookimpl(lambda: ["own"]))
    registry.register(part)
    assert values(registry, Own) == values(registry, Mine, Other) == [["own"]]
    assert values(registry, type("Stranger", (), {})) == []
    assert values(registry) == [["own"]], "of no cache in particular"


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (lambda: 1 / 0, "acme: its hook examine raised ZeroDivisionError: division by zero"),
        (lambda: exit(3), "acme: its hook examine raised SystemExit: 3"),
        (lambda: "text", "acme: its hook examine returned a str; it must return texts"),
        (lambda: 5, "acme: its hook examine returned a int; it must return texts"),
        (lambda: {"a": 1}, "acme: its hook examine returned a dict; it must return texts"),
        (lambda: [5], "acme: its hook examine returned a int among others; it must return texts"),
        (lambda: (1 / 0 for _ in "a"), "acme: its hook examine raised ZeroDivisionError"),
    ],
)
def test_who_raises_or_returns_nonsense_is_named_and_takes_no_other_with_it(
    hook: Any, words: str
) -> None:
    registry = Registry(list)
    registry.register(acting(examine=hookimpl(lambda: ["first"])), "first")
    registry.register(acting(examine=hookimpl(hook)), "acme")
    registry.register(acting(examine=hookimpl(lambda: ["last"])), "last")
    last, bad, first = answers(registry)
    assert (last.value, first.value) == (["last"], ["first"])
    assert bad.trouble().startswith(words)
    assert bad.error is not None


def test_a_wrapper_is_around_each_and_its_own_faults_are_its_own() -> None:
    def loud(cache: Any) -> Iterator[None]:
        found: Any = yield
        return [[text.upper() for text in texts] for texts in found]  # type: ignore[return-value]

    def broken() -> Any:
        raise RuntimeError("mine")

    registry = Registry(list)
    registry.register(acting(examine=hookimpl(lambda: ["one"])), "one")
    registry.register(acting(examine=hookimpl(broken)), "two")
    registry.register(acting(examine=hookimpl(wrapper=True)(loud)), "loud")
    two, one = answers(registry)
    assert one.value == ["ONE"]
    assert two.trouble() == "two: its hook examine raised RuntimeError: mine"

    def failing(cache: Any) -> Iterator[None]:
        yield
        raise KeyError("of the wrapper")

    registry.register(acting(examine=hookimpl(wrapper=True)(failing)), "failing")
    two, one = answers(registry)
    assert one.trouble().startswith("failing: its hook examine raised KeyError")


def test_a_time_limit_that_strikes_in_a_hook_is_for_whoever_has_set_it() -> None:
    class Limit(Exception):
        pass

    def strike(number: int, frame: Any) -> None:
        raise Limit

    registry = Registry(list)
    hook = hookimpl(lambda: signal.raise_signal(signal.SIGUSR1))
    registry.register(acting(examine=hook), "acme")
    before = signal.signal(signal.SIGUSR1, strike)
    try:
        with pytest.raises(Limit):
            answers(registry)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_the_hooks_cannot_be_is_found_at_registration() -> None:
    def hook() -> None:
        """Any."""

    registry = Registry(list)
    with pytest.raises(PluginLoadError) as unknown:
        registry.register(acting(exmine=hookimpl(hook)), "acme")
    assert "marks exmine" in str(unknown.value)
    assert "Did you mean examine?" in str(unknown.value)
    with pytest.raises(PluginLoadError) as arguments:
        registry.register(acting(check_cache=hookimpl(lambda cache, settings: [])), "acme")
    assert str(arguments.value) == (
        "acme: check_cache of Acting takes settings, and it is given options and cache."
    )
    with pytest.raises(PluginLoadError, match="a hook of Acting cannot be used"):
        registry.register(acting(cache_built=hookimpl(wrapper=True)(lambda: (yield))), "acme")
    with pytest.raises(PluginLoadError, match="offers no plugin"):
        registry.register(acting(), "acme")
    assert values(registry) == [], "nothing of them is left behind"
    assert registry.hooked() == []


HOOKS = """
    from django_redis_core import hookimpl

    @hookimpl
    def examine(cache):
        return ["{said}"]
"""


def test_what_settings_list_is_loaded_by_name_or_by_path_and_once(site: Site) -> None:
    site.install("audit", HOOKS.format(said="audit"), version="2.5")
    site.install("bystander", "raise AssertionError('imported')")
    (site.folder / "shop_hooks.py").write_text(textwrap.dedent(HOOKS.format(said="module")))
    (site.folder / "shop").mkdir()
    (site.folder / "shop" / "__init__.py").write_text("")
    (site.folder / "shop" / "caching.py").write_text(textwrap.dedent(HOOKS.format(said="shop")))
    registry = site.registry()
    for _ in range(2):
        for written in ("audit", "shop.caching"):
            registry.load(written, "settings.X")
    assert values(registry) == [], "what is listed no more is not asked"
    registry.listed = frozenset({"audit", "shop.caching"})
    assert values(registry) == [["shop"], ["audit"]]
    assert str(answers(registry)[1].of.source) == "acme-audit 2.5"
    registry.listed = frozenset({"audit"})
    assert values(registry) == [["audit"]]
    lines = {line.name: line for line in registry.describe({("client", "default"): ["x", "y"]})}
    assert (lines["audit"].kind, lines["audit"].version) == ("hooks", "2.5")
    assert lines["audit"].aliases == ("x", "y")
    assert "acme_bystander" not in sys.modules


def test_what_is_listed_and_cannot_be_loaded(site: Site) -> None:
    site.install("audit", HOOKS.format(said="audit"))
    site.install("twice", "", distribution="acme-x")
    site.install("twice", "", distribution="acme-y")
    site.install("empty", "")
    (site.folder / "failing_hooks").mkdir()
    (site.folder / "failing_hooks" / "__init__.py").write_text("import no_such_library")
    registry = site.registry()
    where = "settings.DJANGO_REDIS_PLUGINS"
    for written, kind, words in (
        ("audti", PluginNotFound, "there is no plugin named 'audti'. Did you mean 'audit'?"),
        ("twice", PluginConflict, "offered by acme-x 1.0 and acme-y 1.0"),
        ("empty", PluginLoadError, "acme-empty 1.0 offers no plugin"),
        ("no.such.module", PluginLoadError, "'no.such.module' could not be imported"),
        ("failing_hooks.here", PluginLoadError, "No module named 'no_such_library'"),
        (5, PluginLoadError, "5 is no plugin"),
    ):
        with pytest.raises(kind, match=where) as caught:
            registry.load(written, where)
        assert words in str(caught.value)


def test_a_name_of_hooks_alone_is_no_part_of_a_cache(site: Site) -> None:
    site.install("audit", HOOKS.format(said="audit"))
    with pytest.raises(PluginLoadError) as caught:
        site.registry().plugin("client", "audit", "CACHES['default']: CLIENT")
    assert str(caught.value).endswith(
        "acme-audit 1.0 offers no client named 'audit', but hooks, for DJANGO_REDIS_PLUGINS."
    )


def test_a_site_lists_a_distribution_and_nothing_else_is_imported(site: Site) -> None:
    """A whole process: the hook is told of the cache, and of none before settings list it."""
    source = """
        from django_redis_core import hookimpl
        told = []

        @hookimpl
        def cache_built(alias, cache):
            told.append((alias, cache.options.timeout, cache.client.name))
    """
    site.install("audit", source)
    site.install("bystander", "raise SystemExit('imported')")
    script = """
        import json, sys
        from django.conf import settings
        listed = json.loads(sys.argv[1])
        settings.configure(DJANGO_REDIS_PLUGINS=listed, CACHES={"default": {
            "BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1",
            "TIMEOUT": 7,
        }})
        from django.core.cache import cache
        cache.make_key("x")
        module = sys.modules.get("acme_audit")
        print(json.dumps(module and module.told))
    """
    assert json.loads(site.run(script, '["audit"]')) == [["default", 7, "default"]]
    assert json.loads(site.run(script, "[]")) is None


def test_registering_twice_in_process_is_a_conflict_and_tells_once() -> None:
    registry = Registry(list)
    told: list[str] = []
    registry.registered.append(lambda: told.append("told"))
    plugin = acting(examine=hookimpl(lambda: ["x"]))
    registry.register(plugin)
    with pytest.raises(PluginConflict):
        registry.register(plugin)
    assert told == ["told"]
    assert values(registry) == [["x"]]


def test_an_installed_part_with_hooks_is_not_asked_before_settings_name_it(site: Site) -> None:
    more = "@hookimpl\ndef examine(cache):\n    return ['bz2']\n"
    site.install("bz2", compressor("bz2", more))
    registry = site.registry()
    assert values(registry) == []
    found = registry.plugin("compressor", "bz2", "CACHES['default']: COMPRESSOR")
    assert values(registry, found) == [["bz2"]]
    assert values(registry, Own) == []
