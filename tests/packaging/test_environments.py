"""What tox.ini leaves out of an environment is there, and runs in another one."""

import configparser
import re

import pytest

#: The sections that say what an environment runs, each with its list.
LISTS = {"floor": "suite", "middle": "suite", "redis-server": "others"}


@pytest.fixture
def tox(root):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(root / "tox.ini", encoding="utf-8")
    return parser


@pytest.mark.parametrize("section", LISTS)
def test_what_is_named_is_there(root, tox, section):
    """A file that is given another name would run again, or no longer, and nobody would know."""
    words = tox[section][LISTS[section]].split()
    assert words
    assert len(words) == len(set(words))
    paths = [word.partition("=")[2] if word.startswith("-") else word for word in words]
    missing = [path for path in paths if not any(root.glob(path))]
    assert not missing, missing
    # A plugin's tests are named in testpaths: what leaves out a folder above leaves out nothing.
    void = [word for word in words if re.fullmatch(r"--ignore=plugins/\w+", word)]
    assert not void, void


def test_everything_runs_on_the_newest(root, tox):
    """So whatever is left out elsewhere runs there: the core's tests in two environments, and each
    plugin's from its wheel (alone.py)."""
    newest = "py313-django61"
    assert {newest, "kit"} <= set(tox["tox"]["env_list"].split())
    assert f"testenv:{newest}" not in tox
    all_but = re.fullmatch(
        r"python -m pytest {posargs:tests (.*)}", tox["testenv"]["commands"].strip()
    )
    those = re.fullmatch(r"python -m pytest {posargs:(.*)}", tox["testenv:kit"]["commands"].strip())
    assert [f"--ignore={folder}" for folder in those[1].split()] == all_but[1].split()
    assert all((root / folder).is_dir() for folder in those[1].split())
    [alone] = [name for name in tox.sections() if name.startswith("testenv:alone-")]
    assert tox[alone]["commands"].split()[-2:] == ["{env_name}", "{posargs}"]
    for section in ("testenv", "testenv:kit", alone):
        assert "DRC_TEST_WAYS" not in tox[section].get("set_env", "")
