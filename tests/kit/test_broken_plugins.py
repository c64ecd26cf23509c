"""Plugins that are broken, each in its own way: what the kit, the system check and the site say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..registry.conftest import CORE, Site, compressor

#: A serializer that keeps no types but JSON's, and does not say so.
LOSSY = """\
import json
from django_redis_core import hookimpl
from django_redis_core.interfaces import Serializer

class LossySerializer(Serializer):
    name = "lossy"

    def dumps(self, value):
        return json.dumps(value, default=str).encode()

    def loads(self, data):
        return json.loads(data)

@hookimpl
def register_serializer():
    return LossySerializer
"""

WRONG_KIND = compressor("wrongkind").replace("register_compressor", "register_serializer")
UNFINISHED = compressor("unfinished").replace("def decompress", "def decompres")

SOURCES: dict[str, str] = {
    "raising": "import no_such_library\ndef register_compressor(): ...",
    "wrongkind": WRONG_KIND,
    "unfinished": UNFINISHED,
    "future": compressor("future", api_version=9),
    "unmarked": compressor("unmarked").replace("@hookimpl", ""),
    "misnamed": compressor("another"),
    "misspelt": compressor("misspelt").replace("register_compressor", "register_compresor"),
    "nameless": compressor("nameless").replace("    name = 'nameless'\n", ""),
    "markless": compressor("markless").replace("    magic =", "    majic ="),
    "loose": compressor("loose", options=["LEVEL"]),
    "text_version": compressor("text_version", api_version="1"),
    "made": compressor("made").replace("return Bz2Compressor", "return Bz2Compressor()"),
    "asking": compressor("asking").replace("compressor():", "compressor(registry):"),
    "leaving": "raise SystemExit(3)\ndef register_compressor(): ...",
    "unfounded": compressor("unfounded").replace("super().__init__(**options)", "pass"),
    "lossy": LOSSY,
    "pickle": LOSSY.replace("lossy", "pickle"),
}

#: What names each of them in OPTIONS, and words of what everybody says.
SAID: dict[str, tuple[str, str, str]] = {
    "raising": (
        "COMPRESSOR",
        "E004",
        "acme-raising 1.0 failed to load: ModuleNotFoundError: No module named 'no_such_library'",
    ),
    "wrongkind": (
        "SERIALIZER",
        "E004",
        "is not a serializer; it must be a subclass of django_redis_core.interfaces.Serializer.",
    ),
    "unfinished": ("COMPRESSOR", "E004", "Bz2Compressor'> lacks decompress()."),
    "future": (
        "COMPRESSOR",
        "E004",
        "for version 9 of the plugin interface, and this django-redis-core speaks version 1.",
    ),
    "unmarked": (
        "COMPRESSOR",
        "E004",
        "no function of acme_unmarked is marked with django_redis_core.hookimpl",
    ),
    "misnamed": (
        "COMPRESSOR",
        "E004",
        "a compressor named 'another' under the entry point 'misnamed'; both names must be equal.",
    ),
    "misspelt": (
        "COMPRESSOR",
        "E004",
        (
            "acme_misspelt marks register_compresor with django_redis_core.hookimpl, and there "
            "is no such hook. Did you mean register_compressor?"
        ),
    ),
    "nameless": ("COMPRESSOR", "E004", 'Bz2Compressor\'> has no name; give it `name = "…"`.'),
    "markless": (
        "COMPRESSOR",
        "E004",
        "Bz2Compressor'> does not say how its frames begin; give it `magic`, a tuple of bytes",
    ),
    "loose": (
        "COMPRESSOR",
        "E004",
        "Bz2Compressor'> has `options` that are not each an Option of django_redis_core.interfaces",
    ),
    "text_version": (
        "COMPRESSOR",
        "E004",
        "for version '1' of the plugin interface, and this django-redis-core speaks version 1.",
    ),
    "made": (
        "COMPRESSOR",
        "E004",
        "is not a compressor; it must be a subclass of django_redis_core.interfaces.Compressor.",
    ),
    "asking": (
        "COMPRESSOR",
        "E004",
        "acme-asking 1.0: register_compressor of acme_asking takes ",
    ),
    "leaving": ("COMPRESSOR", "E004", "acme-leaving 1.0 failed to load: SystemExit: 3"),
    "twice": ("COMPRESSOR", "E003", "acme-one 1.1 and acme-two 2.2; uninstall all but one"),
}

#: Makes every cache of the settings, and runs the system check.
SITE = """
    import json, sys
    from django.conf import settings
    settings.configure(SECRET_KEY="x", CACHES={
        alias: {
            "BACKEND": "django_redis_core.cache.RedisCache",
            "LOCATION": "redis://localhost",
            "KEY_PREFIX": alias,
            "OPTIONS": options,
        }
        for alias, options in json.loads(sys.argv[1]).items()
    })
    from django.core.cache import caches
    from django_redis_core.checks import check_built_in_names, check_caches
    from django_redis_core._settings import describe_installed
    site = {}
    for alias in settings.CACHES:
        try:
            caches[alias]
        except Exception as error:
            site[alias] = f"{type(error).__name__}: {error}"
    print(json.dumps({
        "site": site,
        "check": [
            [message.id, message.msg, message.hint]
            for message in [*check_caches(), *check_built_in_names()]
        ],
        "listing": {line.distribution: line.error for line in describe_installed()},
    }))
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """All of them installed beside each other, as a site may have them."""
    folder = tmp_path_factory.mktemp("broken")
    site = Site(folder)
    for name, source in SOURCES.items():
        site.install(name, source)
    site.install("twice", compressor("twice"), distribution="acme-one", version="1.1")
    site.install("twice", compressor("twice"), distribution="acme-two", version="2.2")
    return site


@pytest.fixture(scope="module")
def said(broken: Site) -> Any:
    """What the site, the check and the listing say."""
    options = {name: {key: name} for name, (key, _, _) in SAID.items()}
    options |= {"lossy": {"SERIALIZER": "lossy"}, "pickle": {"SERIALIZER": "pickle"}}
    return json.loads(broken.run(SITE, json.dumps(options)))


def python(
    site: Site, *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site.folder), str(CORE)])},
        cwd=cwd or site.folder,
        capture_output=True,
        text=True,
        timeout=300,  # on a machine that is busy
        check=False,
    )


@pytest.mark.parametrize("name", SAID)
def test_the_kit_says_it_once_and_fails(broken: Site, name: str) -> None:
    done = python(broken, "django_redis_core.testing", name)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert SAID[name][2] in done.stderr
    assert done.stdout == ""
    # Of the plugin's own code, where it failed; of the core's, never.
    assert ("Traceback" in done.stderr) == (name in {"raising", "leaving"})


def test_the_kit_shows_where_an_import_failed(broken: Site) -> None:
    done = python(broken, "django_redis_core.testing", "raising")
    assert "import no_such_library" in done.stderr
    assert str(Path("acme_raising", "__init__.py")) in done.stderr


@pytest.mark.parametrize("name", SAID)
def test_the_check_and_the_site_say_it_with_the_alias(said: Any, name: str) -> None:
    key, number, words = SAID[name]
    (message,) = (found for found in said["check"] if f"CACHES['{name}']" in found[1])
    assert message[0] == f"django_redis_core.{number}"
    assert words in message[1]
    assert message[2]
    where = f"CACHES['{name}']: {key}: "
    assert where in said["site"][name]
    assert words in said["site"][name]


def test_the_listing_names_what_is_wrong(said: Any) -> None:
    listing = said["listing"]
    for name, (_, _, words) in SAID.items():
        if name != "twice":
            assert words.rpartition(" failed to load: ")[2] in listing[f"acme-{name}"]
    assert "acme-one 1.1 and acme-two 2.2 offer the same name" in listing["acme-one"]


def test_who_takes_a_built_ins_name_is_ignored_and_told_so(broken: Site, said: Any) -> None:
    """The site goes on with the built-in; the author must not take its tests for those of their
    own plugin."""
    assert "pickle" not in said["site"]
    ignored = "ignored: the name belongs to a built-in plugin"
    assert said["listing"]["acme-pickle"] == ignored
    assert [found for found in said["check"] if "'pickle'" in found[1]] == [
        [
            "django_redis_core.W007",
            f"acme-pickle 1.0 offers a serializer named 'pickle', which is {ignored}.",
            "Uninstall it, or name its class by its dotted path.",
        ]
    ]
    done = python(broken, "django_redis_core.testing", "pickle")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"The serializer 'pickle' of acme-pickle 1.0 is {ignored}." in done.stderr


def test_a_constructor_without_that_of_its_base_class(broken: Site) -> None:
    done = python(broken, "django_redis_core.testing", "unfounded")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert done.stderr == (
        "The compressor 'unfounded': the constructor of acme_unfounded.Bz2Compressor must call "
        "super().__init__, which sets `min_length`.\n"
    )


def test_lost_types_are_found_by_the_contract_and_named_by_the_kit(broken: Site, said: Any) -> None:
    """No check can see them: such a plugin loads and works."""
    assert "lossy" not in said["site"]
    done = python(broken, "django_redis_core.testing", "lossy", "-q", "-k", "found_by")
    assert done.returncode == 0
    assert "changes  datetime into '2026-07-09 12:30:05.123456+00:00'" in done.stdout
    assert "changes  tuple into [1, ['x', None]]" in done.stdout
    assert "State this in its documentation" in done.stdout

    tests = broken.folder / "test_lossy.py"
    tests.write_text(
        "from django_redis_core.testing import SerializerContract\n\n\n"
        'class TestLossy(SerializerContract):\n    name = "lossy"\n'
    )
    done = python(broken, "pytest", "-q", "-p", "no:asyncio", "-k", "kept_changed", str(tests))
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "datetime is lost: refuse it in dumps, or say so in `changes`" in done.stdout
    assert "nan is lost" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lossie"], "There is no plugin named 'lossie'. Did you mean 'lossy'? Installed: "),
        (["zstdd"], "Did you mean 'zstd'?"),
        (["lossy", "--kind", "sealer"], "'lossy' is a serializer, and no sealer."),
        (["lossy", "--location", "redis://a"], "is tested by itself, so LOCATION would have"),
        (["project.Own"], "A class of a project's own is tested by a test class"),
        ([], "the following arguments are required: NAME"),
    ],
    ids=" ".join,
)
def test_a_command_that_cannot_be_run_is_told_what_to_write(
    broken: Site, arguments: list[str], words: str
) -> None:
    done = python(broken, "django_redis_core.testing", *arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert words in done.stderr
    assert "Traceback" not in done.stderr


MADE, GIVEN = "Give others with --option NAME=JSON.", "Options are given with --option NAME=JSON."

#: Arguments, and the parts of the one line that is said of them.
WRONG_OPTIONS: dict[str, list[str]] = {
    "lossy --option level": ["--option: 'level' is not NAME=JSON, such as level=3."],
    "lossy --option level=x": [
        "--option: 'x' is not JSON.",
        "A text is written in quotation marks: 'level=\"x\"'.",
    ],
    "lossy --option level=None": ["--option: 'None' is not JSON. Write level=null."],
    "lossy --option": ["--option: expected one argument, NAME=JSON, such as level=3."],
    "lossy --option level=1 --option=level=2": ["--option: level is given 2 times."],
    "lossy --opton level=1": ["--opton: there is no such option; did you mean --option?"],
    "lossy --other-option key=1": [
        "--other-option: it is for sealers, and 'lossy' is a serializer."
    ],
    "lossy --option level=3": [
        "The serializer 'lossy' cannot be made with the options {'level': 3}:",
        "SERIALIZER: 'lossy' has no option 'level'. It has: none.",
        MADE,
    ],
    "identity --option min_length=-1": [
        "The compressor 'identity' cannot be made with the options {'min_length': -1}:",
        "ValueError: min_length must be an int of 0 or more (bytes), not -1.",
        MADE,
    ],
    "default --option SOCKET_TIMEOT=3": [
        "The client 'default' cannot be used: OPTIONS has an unknown key 'SOCKET_TIMEOT'.",
        "Did you mean 'SOCKET_TIMEOUT'?",
        GIVEN,
    ],
    "default --option SOCKET_TIMEOUT=0": [
        "The client 'default' cannot be used:",
        "SOCKET_TIMEOUT must be a number of seconds above 0, not 0.",
        GIVEN,
    ],
    "single --option level=3": [
        "The connection factory 'single' cannot be used:",
        "CONNECTION_FACTORY: 'single' has no option 'level'. It has: none.",
        GIVEN,
    ],
}


@pytest.mark.parametrize(("line", "said"), WRONG_OPTIONS.items(), ids=WRONG_OPTIONS)
def test_a_wrong_option_is_told_in_one_line(broken: Site, line: str, said: list[str]) -> None:
    done = python(broken, "django_redis_core.testing", *line.split())
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr == f"{' '.join(said)}\n"
    assert done.stdout == ""


def test_a_run_leaves_nothing_in_the_folder(broken: Site, tmp_path: Path) -> None:
    """Hypothesis', say, which keeps its examples where it is run."""
    arguments = ("lossy", "-q", "-k", "come_back or threads")
    done = python(broken, "django_redis_core.testing", *arguments, cwd=tmp_path)
    assert done.returncode == 0
    assert "2 passed" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_pytest_it_says_what_to_install(broken: Site) -> None:
    done = broken.run(
        """
        import contextlib, io, sys
        sys.modules["pytest"] = None
        from django_redis_core.testing.__main__ import main
        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = main(["lossy"])
        print(code, said.getvalue())
        """
    )
    assert done.strip() == (
        "4 The conformance kit needs pytest. "
        "Install it with: pip install 'django-redis-core[testing]'."
    )


def test_a_client_that_cannot_be_used_ends_the_run_at_once(broken: Site) -> None:
    done = python(
        broken, "django_redis_core.testing", "default", "--location", "redis://127.0.0.1:1"
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "The client 'default' cannot be used." in done.stdout
    assert "127.0.0.1:1" in done.stdout
    assert "Options are given with --option NAME=JSON." in done.stdout
