"""Plugins are found by name, loaded only when they are named, and refused with words that help."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import warnings
from types import ModuleType
from typing import Any

import pytest

from django_redis_core._plugins.catalogue import DJANGO_REDIS, OURS
from django_redis_core._plugins.checked import BASES
from django_redis_core._plugins.hookspecs import KINDS
from django_redis_core._plugins.registry import Registry
from django_redis_core.exceptions import PluginConflict, PluginLoadError, PluginNotFound
from django_redis_core.interfaces import Compressor, Serializer

from .conftest import Own, Site, compressor, no_entry_points, offering

WHERE = "CACHES['default']: COMPRESSOR"


# What is built in


def test_every_kind_has_a_base_class_a_hook_and_a_built_in_plugin() -> None:
    registry = Registry(list)
    assert set(BASES) == set(KINDS) == set(DJANGO_REDIS)
    for kind in KINDS:
        # A cache may do without observers; of every other kind it has one.
        assert bool(registry.names(kind)) == (kind != "observer"), kind
        assert hasattr(registry.manager.hook, f"register_{kind}")


def test_built_in_names_need_no_look_at_what_is_installed() -> None:
    registry = Registry(no_entry_points)
    assert registry.plugin("serializer", "pickle", WHERE).name == "pickle"
    assert registry.plugin("client", "django_redis.client.DefaultClient", WHERE).name == "default"
    assert registry.plugin("compressor", Own, WHERE) is Own


def test_built_ins_come_through_the_hooks_of_everyone() -> None:
    registry = Registry(list)
    names = {found.name for found in registry.manager.hook.register_serializer()}
    assert names == {"pickle"}


def test_a_built_in_is_not_shadowed(site: Site) -> None:
    site.install("identity", "raise AssertionError('imported')")
    registry = site.registry()
    assert registry.plugin("compressor", "identity", WHERE).__module__.startswith(
        "django_redis_core._plugins.defaults"
    )
    site.install("thief", compressor("identity"))
    with pytest.raises(PluginConflict, match="already the name of one of django-redis-core"):
        site.registry().plugin("compressor", "thief", WHERE)
    with pytest.raises(PluginConflict, match="already the name of one of django-redis-core"):
        registry.register(offering(type("Identity", (Own,), {"name": "identity"})), "a test")


# Finding and loading


def test_distributions_are_looked_through_once(site: Site) -> None:
    site.install("bz2", compressor("bz2"))
    registry = site.registry()
    assert site.scans == 0
    registry.plugin("compressor", "bz2", WHERE)
    for _ in range(3):
        registry.plugin("compressor", "bz2", WHERE)
        registry.names("compressor")
        registry.describe()
        with pytest.raises(PluginNotFound):
            registry.plugin("compressor", "nothing", WHERE)
    assert site.scans == 1


def test_only_what_is_named_is_imported(site: Site) -> None:
    site.install("bz2", compressor("bz2"))
    site.install("other", "raise AssertionError('imported')")
    registry = site.registry()
    registry.plugin("compressor", "bz2", WHERE)
    registry.names("compressor")
    registry.describe({("compressor", "bz2"): ["default"]})
    with pytest.raises(PluginNotFound):
        registry.plugin("compressor", "othr", WHERE)
    assert "acme_bz2" in sys.modules
    assert "acme_other" not in sys.modules


def test_a_hook_is_called_once_and_not_for_other_kinds(site: Site) -> None:
    site.install(
        "bz2", compressor("bz2", "calls = []").replace("return B", "calls.append(1); return B")
    )
    registry = site.registry()
    first = registry.plugin("compressor", "bz2", WHERE)
    assert registry.plugin("compressor", "bz2", WHERE) is first
    assert sys.modules["acme_bz2"].calls == [1]


def test_threads_that_ask_together_load_once(site: Site) -> None:
    site.install("bz2", compressor("bz2", "import time; time.sleep(0.05)"))
    registry = site.registry()
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(registry.plugin("compressor", "bz2", WHERE)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert site.scans == 1


def test_a_registration_in_process(site: Site) -> None:
    registry = Registry(no_entry_points)
    registry.register(offering(Own))
    assert registry.plugin("compressor", "own", WHERE) is Own
    assert Registry(list).names("compressor") == ["identity"]


def test_one_object_registers_once() -> None:
    registry = Registry(list)
    plugin = offering(Own)
    registry.register(plugin)
    with pytest.raises(PluginConflict, match="registered already"):
        registry.register(plugin)
    assert registry.plugin("compressor", "own", WHERE) is Own


def test_an_entry_point_may_name_an_object(site: Site) -> None:
    source = compressor("bz2") + "\nimport sys\nplugin = sys.modules[__name__]\n"
    site.install("bz2", source, entry_point="acme_bz2:plugin")
    assert site.registry().plugin("compressor", "bz2", WHERE).name == "bz2"


def test_a_dotted_path(site: Site) -> None:
    (site.folder / "project_codec.py").write_text(compressor("mine"), encoding="utf-8")
    registry = Registry(no_entry_points)
    found = registry.plugin("compressor", "project_codec.Bz2Compressor", WHERE)
    assert found.name == "mine"


@pytest.mark.parametrize(
    ("kind", "path", "name"),
    [(kind, path, name) for kind, paths in DJANGO_REDIS.items() for path, name in paths.items()],
)
def test_django_redis_paths_mean_a_plugin_that_exists(kind: str, path: str, name: str) -> None:
    assert OURS.get(name) == kind or name in Registry(list).names(kind)
    registry = Registry(list)
    if name in OURS:
        with pytest.raises(PluginNotFound, match=rf"pip install 'django-redis-core\[{name}\]'"):
            registry.plugin(kind, path, WHERE)
    else:
        assert registry.plugin(kind, path, WHERE).name == name


# Refusing


def refused(registry: Registry, name: Any, kind: str = "compressor") -> str:
    with pytest.raises(PluginLoadError) as caught:
        registry.plugin(kind, name, WHERE)
    assert str(caught.value).startswith(WHERE)
    return str(caught.value)


def not_found(name: str, kind: str = "compressor", site: Site | None = None) -> str:
    registry = site.registry() if site else Registry(list)
    with pytest.raises(PluginNotFound) as caught:
        registry.plugin(kind, name, WHERE)
    return str(caught.value)


def test_an_unknown_name() -> None:
    assert not_found("zzz") == (
        "CACHES['default']: COMPRESSOR: there is no compressor named 'zzz'. Installed: identity."
    )


def test_a_name_of_ours_says_what_to_install() -> None:
    assert not_found("zstd") == (
        "CACHES['default']: COMPRESSOR: there is no compressor named 'zstd'. Install it with: "
        "pip install 'django-redis-core[zstd]'. Installed: identity."
    )


def test_a_mistyped_name_says_the_nearest(site: Site) -> None:
    site.install("bz2", compressor("bz2"))
    assert "Did you mean 'bz2'? Installed: bz2, identity." in not_found("bz", site=site)
    assert "acme_bz2" not in sys.modules
    message = not_found("zsdt")
    assert "Did you mean 'zstd'? Install it with: pip install 'django-redis-core[zstd]'." in message


@pytest.mark.parametrize(
    ("name", "said"),
    [("zstd", "'zstd' is a compressor."), ("identity", "'identity' is a compressor.")],
)
def test_a_name_of_another_kind(name: str, said: str) -> None:
    assert said in not_found(name, "serializer")


def test_two_distributions_with_one_name(site: Site) -> None:
    site.install("bz2", "raise AssertionError('imported')", distribution="acme-a", version="1.2")
    site.install("bz2", "raise AssertionError('imported')", distribution="acme-b", version="3.4")
    with pytest.raises(PluginConflict) as caught:
        site.registry().plugin("compressor", "bz2", WHERE)
    assert str(caught.value) == (
        "CACHES['default']: COMPRESSOR: the name 'bz2' is offered by acme-a 1.2 and acme-b 3.4; "
        "uninstall all but one of them."
    )


def test_one_distribution_that_is_on_the_path_twice(site: Site) -> None:
    site.install("bz2", compressor("bz2"))
    registry = Registry(lambda: [*site.entry_points(), *site.entry_points()])
    assert registry.plugin("compressor", "bz2", WHERE).name == "bz2"


@pytest.mark.parametrize("error", ["ImportError('no brotli')", "ZeroDivisionError('1/0')"])
def test_a_plugin_that_raises_on_import(site: Site, error: str) -> None:
    site.install("bz2", f"raise {error}", version="2.5")
    registry = site.registry()
    kind, _, text = error.partition("(")
    said = f"{kind}: {text[1:-2]}"
    assert refused(registry, "bz2") == (
        f"{WHERE}: the plugin 'bz2' of acme-bz2 2.5 failed to load: {said}"
    )
    [line] = [line for line in registry.describe() if line.name == "bz2"]
    assert line.error == said


def test_a_plugin_whose_library_is_missing(site: Site) -> None:
    source = compressor("bz2").replace(
        "return Bz2Compressor", "import no_such_library_at_all; return Bz2Compressor"
    )
    site.install("bz2", source)
    message = refused(site.registry(), "bz2")
    assert "acme-bz2 1.0 failed to load: ModuleNotFoundError" in message
    assert "no_such_library_at_all" in message


def test_a_plugin_that_is_mended_loads_on_the_next_try(site: Site) -> None:
    site.install("bz2", "raise ImportError('not yet')")
    registry = site.registry()
    refused(registry, "bz2")
    (site.folder / "acme_bz2" / "__init__.py").write_text(
        compressor("bz2") + "# of another size and time\n", encoding="utf-8"
    )
    assert registry.plugin("compressor", "bz2", WHERE).name == "bz2"
    [line] = [line for line in registry.describe() if line.name == "bz2"]
    assert not line.error


def test_a_module_that_is_gone(site: Site) -> None:
    site.install("bz2", "", entry_point="no_such_module_here")
    assert "ModuleNotFoundError" in refused(site.registry(), "bz2")


def test_another_version_of_the_interface(site: Site) -> None:
    site.install("bz2", compressor("bz2", api_version=2))
    message = refused(site.registry(), "bz2")
    assert "written for version 2 of the plugin interface" in message
    assert "speaks version 1" in message
    assert "acme-bz2 1.0" in message


def test_another_kind_than_asked_for(site: Site) -> None:
    site.install("bz2", compressor("bz2"))
    registry = site.registry()
    message = "acme-bz2 1.0 offers no serializer named 'bz2', but the compressor 'bz2'."
    assert message in refused(registry, "bz2", "serializer")
    # The second question does not load it again, and the right kind still works.
    assert message in refused(registry, "bz2", "serializer")
    assert registry.plugin("compressor", "bz2", WHERE).name == "bz2"


def test_another_name_than_its_entry_point(site: Site) -> None:
    site.install("bz2", compressor("brotli"))
    registry = site.registry()
    message = refused(registry, "bz2")
    assert "named 'brotli' under the entry point 'bz2'; both names must be equal" in message
    with pytest.raises(PluginNotFound):  # and it did not get in under the other name
        registry.plugin("compressor", "brotli", WHERE)


def test_a_class_of_another_base() -> None:
    class Loads(Serializer):
        name = "loads"

        def dumps(self, value: Any) -> bytes:
            return b""

        def loads(self, data: bytes) -> Any:
            return None

    message = refused(Registry(list), Loads)
    assert "is not a compressor" in message
    assert "django_redis_core.interfaces.Compressor" in message
    with pytest.raises(PluginLoadError, match="not a compressor"):
        Registry(list).register(offering(Loads))


def test_a_missing_method() -> None:
    class Half(Compressor):
        name = "half"

        def compress(self, data: bytes) -> bytes:
            return data

    assert refused(Registry(list), Half).endswith("lacks decompress().")


@pytest.mark.parametrize("attributes", [{"name": ""}, {"name": 5}, {"name": None}])
def test_a_missing_name(attributes: dict[str, Any]) -> None:
    nameless = type("Nameless", (Own,), attributes)
    assert "has no name" in refused(Registry(list), nameless)


def test_a_misspelled_hook_is_found_at_load(site: Site) -> None:
    site.install("bz2", compressor("bz2").replace("register_compressor", "register_compresor"))
    registry = site.registry()
    assert refused(registry, "bz2").endswith(
        "1.0: acme_bz2 marks register_compresor with django_redis_core.hookimpl, and there is no "
        "such hook. Did you mean register_compressor? The hooks are register_serializer, "
        "register_compressor, register_sealer, register_connection_factory, register_client, "
        "register_observer, redis_cache_subcommands, examine, stats_columns, check_cache and "
        "cache_built."
    )
    registry.register(offering(Own))  # nothing of it is left behind
    assert registry.plugin("compressor", "own", WHERE) is Own


def test_a_hook_with_arguments_it_cannot_get(site: Site) -> None:
    site.install("bz2", compressor("bz2").replace("compressor():", "compressor(level):"))
    registry = site.registry()
    assert refused(registry, "bz2").endswith(
        "1.0: register_compressor of acme_bz2 takes level, and the hook has no arguments."
    )
    assert "acme_bz2" not in {name for name, _ in registry.manager.list_name_plugin()}
    registry.register(offering(Own))
    assert registry.plugin("compressor", "own", WHERE) is Own


def test_a_module_without_hooks(site: Site) -> None:
    site.install("bz2", compressor("bz2").replace("@hookimpl", ""))
    message = refused(site.registry(), "bz2")
    assert "acme-bz2 1.0 offers no plugin" in message
    assert "hookimpl" in message


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no_such_module_here.Codec", "ModuleNotFoundError|No module named"),
        ("bz2.NoSuchName", "NoSuchName"),
        ("bz2.BZ2File", "is not a compressor"),
        ("broken_at_import.Codec", "ZeroDivisionError: 1/0"),
        (".Codec", "could not be imported"),
    ],
)
def test_a_dotted_path_that_does_not_work(site: Site, path: str, said: str) -> None:
    (site.folder / "broken_at_import.py").write_text(
        "raise ZeroDivisionError('1/0')\n", encoding="utf-8"
    )
    registry = Registry(no_entry_points)
    with pytest.raises(PluginLoadError, match=said) as caught:
        registry.plugin("compressor", path, WHERE)
    assert repr(path) in str(caught.value)


def test_a_class_of_the_real_django_redis_says_what_to_install(site: Site) -> None:
    (site.folder / "project_codec.py").write_text(
        "class Base: __module__ = 'django_redis.compressors.base'\nclass Mine(Base): pass\n",
        encoding="utf-8",
    )
    with pytest.raises(PluginLoadError, match=r"'django-redis-core\[compat\]'"):
        Registry(no_entry_points).plugin("compressor", "project_codec.Mine", WHERE)


def test_a_fork_while_a_thread_loads_a_plugin_does_not_hang_the_child() -> None:
    from django_redis_core._plugins.registry import registry

    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with registry._lock:
            held.set()
            free.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: that is the test
        child = os.fork()
    if child == 0:
        signal.alarm(5)  # a child that hangs ends by it
        os._exit(0 if registry.plugin("serializer", "pickle", "here") else 1)
    free.set()
    holder.join()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("load", ["plugin", "listed"])
def test_a_module_that_uses_a_cache_may_be_imported_by_two_threads(
    site: Site, monkeypatch: pytest.MonkeyPatch, load: str
) -> None:
    """One imports it, and the other one a cache whose settings name it."""
    registry = Registry(no_entry_points)
    begun, named = threading.Event(), threading.Event()
    shared = ModuleType("shared_with_the_test")
    vars(shared).update(registry=registry, begun=begun, named=named)
    monkeypatch.setitem(sys.modules, shared.__name__, shared)
    (site.folder / "a_shop").mkdir()
    (site.folder / "a_shop" / "uses_a_cache.py").write_text(
        "import time\n"
        "from django_redis_core import hookimpl\n"
        "from django_redis_core.interfaces import Compressor\n"
        "from shared_with_the_test import begun, named, registry\n"
        "class Mine(Compressor):\n"
        "    name = 'mine'\n"
        "    magic = (b'mine',)\n"
        "    def compress(self, data): return data\n"
        "    def decompress(self, data): return data\n"
        "@hookimpl\n"
        "def register_compressor(): return Mine\n"
        "begun.set()\n"
        "assert named.wait(30)\n"
        "time.sleep(0.2)  # until the other thread waits for this import\n"
        "registry.plugin('serializer', 'pickle', 'here')\n",
        encoding="utf-8",
    )

    def use() -> None:
        named.set()
        if load == "plugin":
            registry.plugin("compressor", "a_shop.uses_a_cache.Mine", WHERE)
        else:
            registry.load("a_shop.uses_a_cache", "settings.DJANGO_REDIS_PLUGINS")

    # Daemons: those that wait for each other are to fail the test and not to hang it.
    threads = [
        threading.Thread(
            target=importlib.import_module, args=("a_shop.uses_a_cache",), daemon=True
        ),
        threading.Thread(target=use, daemon=True),
    ]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
