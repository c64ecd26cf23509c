"""Plugins of other people, installed beside the core and used by their name in CACHES."""

from __future__ import annotations

import json
import os
import site as site_packages
import subprocess
import sys
import textwrap
from pathlib import Path

import django
import redis

from django_redis_core.testing.servers import Server

from .conftest import CORE, Site, compressor

#: Uses a cache whose settings come as JSON, and prints what happened as JSON.
USE = """
    import json, sys
    from django.conf import settings
    location, options = sys.argv[1], json.loads(sys.argv[2])
    settings.configure(CACHES={"default": {
        "BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": location,
        "KEY_PREFIX": sys.argv[3], "OPTIONS": options,
    }})
    import importlib.metadata
    scans = []
    entry_points = importlib.metadata.entry_points
    importlib.metadata.entry_points = lambda **kw: scans.append(kw) or entry_points(**kw)
    from django.core.cache import caches
    said = {}
    try:
        cache = caches["default"]
        cache.set("k", "value " * 1000)
        said["value"] = cache.get("k") == "value " * 1000
    except Exception as error:
        said["error"] = f"{type(error).__name__}: {error}"
    said["scans"] = len(scans)
    said["modules"] = sorted(name for name in sys.modules if name.startswith("acme_"))
    print(json.dumps(said))
"""


def use(site: Site, server: Server, options: object, prefix: str) -> dict[str, object]:
    said: dict[str, object] = json.loads(site.run(USE, server.url, json.dumps(options), prefix))
    return said


def stored(server: Server, prefix: str) -> bytes:
    with redis.Redis(port=server.port) as client:
        return bytes(client.get(f"{prefix}:1:k"))


def test_a_plugin_is_used_by_its_name(site: Site, redis_server: Server) -> None:
    site.install("bz2", compressor("bz2"))
    site.install("bystander", "raise SystemExit('imported')")
    said = use(site, redis_server, {"COMPRESSOR": "bz2"}, "by-name")
    assert said == {"value": True, "scans": 1, "modules": ["acme_bz2"]}
    assert stored(redis_server, "by-name").startswith(b"BZh9")


def test_options_of_its_own(site: Site, redis_server: Server) -> None:
    site.install("bz2", compressor("bz2"))
    options = {"COMPRESSOR": {"NAME": "bz2", "OPTIONS": {"level": 3}}}
    assert use(site, redis_server, options, "options")["value"] is True
    assert stored(redis_server, "options").startswith(b"BZh3")
    options = {"COMPRESSOR": {"NAME": "bz2", "OPTIONS": {"levle": 3}}}
    assert use(site, redis_server, options, "options")["error"] == (
        "ImproperlyConfigured: CACHES['default']: COMPRESSOR: 'bz2' has no option 'levle'. "
        "Did you mean 'level'? It has: level, max_length, min_length."
    )


def test_built_in_plugins_alone_need_no_scan(site: Site, redis_server: Server) -> None:
    site.install("bystander", "raise SystemExit('imported')")
    options = {"SERIALIZER": "pickle", "COMPRESSOR": "identity", "CLIENT": "default"}
    said = use(site, redis_server, options, "built-in")
    assert said == {"value": True, "scans": 0, "modules": []}


def test_a_plugin_that_does_not_fit(site: Site, redis_server: Server) -> None:
    site.install("bz2", compressor("bz2", api_version=9))
    error = str(use(site, redis_server, {"COMPRESSOR": "bz2"}, "unfit")["error"])
    assert error.startswith("PluginLoadError: CACHES['default']: COMPRESSOR: acme-bz2 1.0: ")
    assert "written for version 9 of the plugin interface" in error


def test_a_plugin_that_is_broken_breaks_only_who_names_it(site: Site, redis_server: Server) -> None:
    site.install("bz2", "raise ValueError('no luck')")
    error = str(use(site, redis_server, {"COMPRESSOR": "bz2"}, "broken")["error"])
    assert "acme-bz2 1.0 failed to load: ValueError: no luck" in error
    assert use(site, redis_server, {}, "broken")["value"] is True


def test_two_distributions_with_one_name(site: Site, redis_server: Server) -> None:
    site.install("bz2", compressor("bz2"), distribution="acme-one", version="1.1")
    site.install("bz2", compressor("bz2"), distribution="acme-two", version="2.2")
    said = use(site, redis_server, {"COMPRESSOR": "bz2"}, "rivals")
    assert "offered by acme-one 1.1 and acme-two 2.2; uninstall all but one" in str(said["error"])
    assert said["modules"] == []


def test_a_connection_factory_by_its_scheme(site: Site, redis_server: Server) -> None:
    site.install(
        "consul",
        """\
        from django_redis_core import hookimpl
        from django_redis_core.connections.topology import SingleServer
        from django_redis_core.interfaces import ConnectionFactory

        class ConsulFactory(ConnectionFactory):
            name = "consul"

            def topology(self, locations):
                port = locations[0].removeprefix("consul://")
                return SingleServer(self.node(f"redis://127.0.0.1:{port}/0"))

        @hookimpl
        def register_connection_factory():
            return ConsulFactory
        """,
    )
    location = f"consul://{redis_server.port}"
    said = json.loads(site.run(USE, location, "{}", "by-scheme"))
    assert said == {"value": True, "scans": 1, "modules": ["acme_consul"]}
    said = json.loads(site.run(USE, "nomad://cache", "{}", "by-scheme"))
    assert said["error"].startswith(
        "PluginNotFound: CACHES['default']: the scheme of LOCATION: there is no connection factory "
        "named 'nomad'. Installed: "
    )
    assert "consul" in said["error"]


BACKEND = '''\
"""A build backend as small as one can be, so that this test needs no package index."""
import pathlib, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "acme_brotli-0.1-py3-none-any.whl"
    info = "acme_brotli-0.1.dist-info"
    files = {
        "acme_brotli/__init__.py": pathlib.Path("acme_brotli/__init__.py").read_text(),
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: acme-brotli\\nVersion: 0.1\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\n"
        "Tag: py3-none-any\\n",
        f"{info}/entry_points.txt": "[django_redis_core]\\nbrotli = acme_brotli\\n",
    }
    with zipfile.ZipFile(pathlib.Path(directory, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\\n" for path in files))
    return name
'''


def test_a_project_that_pip_builds_and_installs(tmp_path: Path, redis_server: Server) -> None:
    """The plugin of the documentation, with Python's bz2 for a library, in a fresh environment."""
    project = tmp_path / "project"
    (project / "acme_brotli").mkdir(parents=True)
    (project / "acme_brotli" / "__init__.py").write_text(compressor("brotli"), encoding="utf-8")
    (project / "backend.py").write_text(BACKEND, encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n\n'
        '[project]\nname = "acme-brotli"\nversion = "0.1"\n\n'
        '[project.entry-points."django_redis_core"]\nbrotli = "acme_brotli"\n',
        encoding="utf-8",
    )
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    python = environment / "bin" / "python"
    # The core and its requirements from the environment of the tests, editable ones included.
    [packages] = environment.glob("lib/python*/site-packages")
    lines = [str(CORE), *site_packages.getsitepackages(), str(Path(django.__file__).parents[1])]
    (packages / "tests.pth").write_text(
        "".join(f"import site; site.addsitedir({line!r})\n" for line in lines), encoding="utf-8"
    )
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", str(project)],
        check=True,
        timeout=120,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    options = json.dumps({"COMPRESSOR": {"NAME": "brotli", "OPTIONS": {"level": 4}}})
    done = subprocess.run(
        [python, "-c", textwrap.dedent(USE), redis_server.url, options, "pip"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert json.loads(done.stdout) == {"value": True, "scans": 1, "modules": ["acme_brotli"]}
    assert stored(redis_server, "pip").startswith(b"BZh4")
