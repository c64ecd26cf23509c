"""Whose test suites are run, and what each needs: one entry a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The columns of the table: each is a backend.
OURS, COMPAT, DJANGO_REDIS, LOCMEM = "django-redis-core", "compat", "django-redis", "locmem"

#: The Django that all of them were released for. An entry may say another one.
DJANGO = "django~=5.2.0"

#: Django's test runner, and pytest; the labels and options of a suite follow.
DJANGO_TESTS = ("-m", "django", "test", "--verbosity=1", "--noinput")
PYTEST = (
    *("-m", "pytest", "-q", "-p", "ecosystem_record", "-p", "no:cacheprovider"),
    *("-o", "addopts=", "--disable-warnings"),
)


@dataclass(frozen=True)
class Suite:
    """The tests of one release, out of its sdist.

    ``settings`` is the module that they name as theirs; its CACHES are replaced. Where the sdist
    has none, it is one of ours, in ``site/``. Empty: the suite calls ``settings.configure``.
    ``requires`` is what the tests import beside the package and Django. ``paths`` are folders
    of the sdist that its tests expect on ``sys.path``. ``env`` may name ``{host}`` and
    ``{port}`` of the server.
    """

    package: str
    version: str
    command: tuple[str, ...]
    settings: str
    requires: tuple[str, ...] = ()
    django: str = DJANGO
    paths: tuple[str, ...] = (".",)
    env: Mapping[str, str] = field(default_factory=dict)
    #: A folder of ``site/`` that is laid over the sdist's files: helpers that it lacks.
    laid: str = ""
    #: What stands for locmem: constance, for one, refuses to run on the real one.
    locmem: str = "django.core.cache.backends.locmem.LocMemCache"
    #: The columns of the table that the package can run in.
    backends: tuple[str, ...] = (OURS, COMPAT, DJANGO_REDIS, LOCMEM)
    #: Tests that name LocMemCache or look into its private parts: they cannot pass elsewhere,
    #: and should one of them pass on django-redis, the command says so.
    of_locmem: tuple[str, ...] = ()
    #: Tests of a list of known backends, by the name in the settings: this package's is on none.
    by_name: tuple[str, ...] = ()
    #: The cache that the settings name is a class of the package's own, on django_redis' names.
    own_backend: bool = False
    #: What the foot of the table says.
    note: str = ""


#: Of django-waffle: what does not import the application that its sdist lacks.
WAFFLE = (
    *("admin", "management", "middleware", "mixin", "models", "testutils", "utils", "views"),
    "waffle",
)

SUITES = (
    Suite(
        "django-ratelimit",
        "4.1.0",
        (*DJANGO_TESTS, "django_ratelimit"),
        "sites.ratelimit",
        ("pymemcache",),
        note="The sdist has no settings: they are ours. Its cache that is away, "
        "`connection-errors-redis`, is the backend under test at a port where nobody listens, with "
        '`IGNORE_EXCEPTIONS`, and here `IGNORE_EXCEPTIONS_FOR = ["add", "incr"]`.',
    ),
    Suite(
        "django-axes",
        "8.3.1",
        (*PYTEST, "tests"),
        "tests.settings",
        ("pytest", "pytest-django", "pytest-subtests", "django-ipware>=3"),
        of_locmem=(
            "tests/test_login.py::CacheLoginTestCase::test_reset_on_success_false",
            "tests/test_login.py::CacheLoginTestCase::test_reset_on_success_true",
        ),
        note="Two of its tests read `cache._cache`, the dict inside locmem, and pass there alone.",
    ),
    Suite(
        "django-waffle",
        "5.0.0",
        (
            *DJANGO_TESTS,
            *(f"waffle.tests.test_{name}" for name in WAFFLE),
        ),
        "sites.waffle",
        ("jinja2",),
        laid="waffle",
        note="The sdist lacks the settings and the application that its tests import: both ours. "
        "The tests of its decorators and of templates want more of that, and are not run.",
    ),
    Suite(
        "django-cache-memoize",
        "0.2.1",
        (*PYTEST, "tests"),
        "sites.memoize",
        ("pytest", "pytest-django"),
        laid="memoize",
        note="The sdist lacks settings and the modules that its tests import: ours stand for them.",
    ),
    Suite(
        "drf-extensions",
        "0.8.0",
        (
            *DJANGO_TESTS,
            *("tests_app.tests.functional.cache", "tests_app.tests.functional.key_constructor"),
            *("tests_app.tests.unit.cache", "tests_app.tests.unit.key_constructor"),
        ),
        "sites.drf_extensions",
        ("djangorestframework<3.16", "django-guardian<3", "django-filter", "mock", "setuptools<80"),
        paths=(".", "tests_app"),
        note="Its tests of caching and of keys.",
    ),
    Suite(
        "django-constance",
        "4.4.0",
        (*DJANGO_TESTS, "tests"),
        "tests.settings",
        ("redis", "pytest", "pytest-django"),
        locmem="tests.cache_mockup.Cache",
        note="It refuses locmem, so its control is the stand-in for it that its own tests use.",
    ),
    Suite(
        "django-debug-toolbar",
        "8.0.0",
        (*DJANGO_TESTS, "tests.panels.test_cache"),
        "tests.settings",
        ("django-csp", "django-template-partials", "html5lib", "jinja2", "pygments", "sqlparse"),
        of_locmem=("tests.panels.test_cache.CachePanelTestCase.test_backend_alias_is_recorded",),
        note="Its cache panel's tests. One of them expects the class's name, `LocMemCache`.",
    ),
    Suite(
        "djangorestframework",
        "3.18.3",
        (*PYTEST, "tests/test_throttling.py"),
        "",
        ("pytest", "pytest-django", "dj-database-url"),
        note="Its tests of throttling.",
    ),
    Suite(
        "django-cachalot",
        "2.9.1",
        (*DJANGO_TESTS, "cachalot.tests", "cachalot.admin_tests"),
        "sites.cachalot",
        ("psycopg[binary]", "pytz", "jinja2", "django-debug-toolbar<6", "beautifulsoup4"),
        by_name=("cachalot.tests.settings.SettingsTestCase.test_database_compatibility",),
        note="It warns of backends whose names it does not know, and one test expects no warning.",
    ),
    Suite(
        "django-defender",
        "0.9.8",
        (*DJANGO_TESTS, "defender"),
        "sites.defender",
        ("celery", "redis", "setuptools<80"),
        backends=(OURS, COMPAT, DJANGO_REDIS),
        note="It asks the cache for its redis-py client, so locmem is no control. Its own settings "
        "choose a mock of Redis; here it is the cache's server, and a quick hash of passwords, for "
        "attempts are counted for two seconds.",
    ),
    Suite(
        "django-rq",
        "3.0.1",
        (*DJANGO_TESTS, "django_rq"),
        "sites.rq",
        ("rq-scheduler", "prometheus-client", "sentry-sdk"),
        backends=(OURS, COMPAT, DJANGO_REDIS),
        env={"REDIS_HOST": "{host}", "ECOSYSTEM_PORT": "{port}"},
        note="The last release whose sdist has tests. It asks the cache for its redis-py client.",
    ),
    Suite(
        "python-redis-lock",
        "4.0.1",
        (*PYTEST, "tests/test_django_integration.py"),
        "test_project.settings",
        ("pytest", "process-tests", "redis"),
        paths=("tests",),
        backends=(COMPAT, DJANGO_REDIS),
        own_backend=True,
        note="Its backend is a subclass of `django_redis.cache.RedisCache`; its tests of that.",
    ),
    Suite(
        "django-celery-results",
        "2.6.0",
        (*PYTEST, "-o", "DJANGO_SETTINGS_MODULE=", "t/unit/backends/test_cache.py"),
        "t.proj.settings",
        ("pytest<8", "pytest-django<4.9", "pytest-benchmark", "pytz", "celery", "psycopg[binary]"),
        note="Celery's results in a Django cache: its tests of that.",
    ),
)
