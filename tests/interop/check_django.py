"""Django's own tests of caches, out of its source distribution, on this backend.

Not named test_*: it fetches Django's sources from the index. tox' environment `interop` runs it.
"""

import os
import re
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import django
import pytest

SETTINGS = '''
import os
import time

from django.core.cache.backends import locmem
from django_redis_core.cache import RedisCache
from test_sqlite import *

LOCATION = os.environ["DRC_LOCATION"]


class OfAName(RedisCache):
    """Where a test names a cache in memory; caches of two names share nothing."""

    def __init__(self, name, params):
        prefix = f"{name}{params.get('KEY_PREFIX', '')}"
        super().__init__(LOCATION, {**params, "KEY_PREFIX": prefix})


# Some tests sleep for just an entry's time; a server still shows it within the same millisecond.
sleep = time.sleep
time.sleep = lambda seconds: sleep(seconds + 0.05)

locmem.LocMemCache = OfAName
CACHES = {"default": {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": LOCATION}}
'''

#: The tests that each backend of Django has to pass.
CONTRACT = """

@override_settings(
    CACHES=caches_setting_for_tests(
        BACKEND="django_redis_core.cache.RedisCache",
        LOCATION=os.environ["DRC_LOCATION"],
        # A server removes entries when it has no room left, and not when it has MAX_ENTRIES.
        exclude={"cull", "zero_cull"},
    )
)
class Contract(BaseCacheTests, TestCase):
    pass
"""

OTHERS = [
    *("CacheUtils", "PrefixedCacheUtils", "CacheHEADTest", "CacheI18nTest"),
    *("PrefixedCacheI18nTest", "CacheMiddlewareTest", "TestWithTemplateResponse"),
]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Django's folder of tests, of the release that is installed."""
    folder = tmp_path_factory.mktemp("django")
    venv.create(folder / "pip", with_pip=True, symlinks=True)
    fetch = [folder / "pip/bin/python", "-m", "pip", "download", "-q", "-d", folder, "--no-deps"]
    wanted = ["--no-binary", "django", f"django=={django.__version__}"]
    subprocess.run([*fetch, "--disable-pip-version-check", *wanted], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(folder, filter="data")
    tests = folder / archive.name.removesuffix(".tar.gz") / "tests"
    (tests / "drc_settings.py").write_text(SETTINGS)
    with (tests / "cache" / "tests.py").open("a") as module:
        module.write(CONTRACT)
    return tests


@pytest.mark.parametrize(
    ("labels", "least"),
    [
        (["cache.tests.Contract"], 50),
        ([f"cache.tests.{name}" for name in OTHERS], 40),
        (["sessions_tests", "template_tests.syntax_tests.test_cache"], 300),
    ],
    ids=["contract", "pages", "sessions and templates"],
)
def test_djangos_own_tests_pass(
    labels: list[str], least: int, suite: Path, urls: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "runtests.py", "--settings=drc_settings", "--parallel=1", *labels],
        cwd=suite,
        env={**os.environ, "DRC_LOCATION": urls[0], "PYTHONPATH": "."},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    ran = re.search(r"Ran (\d+) tests", done.stderr)
    assert ran is not None
    assert int(ran[1]) >= least
