"""What is installed is the oldest of everything that the core, its plugins and the kit require.

Not named test_*: it holds in tox' environment `floor` only, which runs this file before the suite.
"""

import sys
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.version import Version


@pytest.fixture(scope="session")
def required(core, plugins):
    """Each library with its lower bound, and who has it."""
    lines = [(core.name, line) for line in core.pyproject["project"]["dependencies"]]
    extras = core.pyproject["project"]["optional-dependencies"]
    lines += [("its extra testing", line) for line in extras["testing"]]
    lines += [(p.name, line) for p in plugins for line in p.pyproject["project"]["dependencies"]]
    found = [(who, Requirement(line)) for who, line in lines]
    return [(who, it) for who, it in found if not it.name.startswith("django-redis-core")]


def test_each_library_is_the_oldest_that_is_allowed(required):
    installed = {
        f"{who}: {it}": version(it.name)
        for who, it in required
        if Version(version(it.name))
        not in [Version(s.version) for s in it.specifier if s.operator == ">="]
    }
    assert not installed, "newer than its bound: a bound is one that nobody has tested"
    assert len(required) >= 9, "the libraries of the core, of four plugins, of the kit"


def test_python_is_the_oldest_that_is_allowed(core):
    wanted = core.pyproject["project"]["requires-python"].removeprefix(">=")
    assert ".".join(map(str, sys.version_info[:2])) == wanted
