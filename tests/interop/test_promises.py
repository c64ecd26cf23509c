"""The faults of django-redis that are listed in ``shared/promises.py`` are none here.

``check_regressions.py`` runs the same promises on the real package.
"""

import warnings

import pytest
from promises import PROMISES
from sites import Site


@pytest.fixture(scope="session")
def site(urls: list[str]) -> Site:
    return Site("django_redis_core", urls)


@pytest.mark.parametrize("name", PROMISES)
def test_it_is_kept(name: str, site: Site) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        PROMISES[name](site)
