"""The promises of ``shared/promises.py`` bite: each is kept here and broken by django-redis 7.0.0.

Not named test_*: it installs that package from the index. tox' environment `interop` runs it.
"""

import re

import pytest
from promises import PROMISES
from sites import WorkerError


@pytest.mark.parametrize("name", PROMISES)
def test_it_is_kept_here(name, workers):
    workers["ours"]("promise", name)


@pytest.mark.parametrize("name", PROMISES)
def test_django_redis_breaks_it(name, workers):
    with pytest.raises(WorkerError) as broken:
        workers["7.0.0"]("promise", name)
    assert re.search(PROMISES[name].there, str(broken.value)), broken.value
