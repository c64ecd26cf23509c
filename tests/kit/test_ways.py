"""``DRC_TEST_WAYS``: in which ways the suite of operations runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from django_redis_core.testing.caller import WAYS, chosen_ways

TEST = """
from django_redis_core.testing.operations.strings import StringsSuite

pytest_plugins = ["django_redis_core.testing.fixtures"]


class TestStrings(StringsSuite):
    pass
"""


@pytest.mark.parametrize(
    ("written", "ways"),
    [
        (None, WAYS),
        ("", WAYS),
        ("async", ("async",)),
        ("blocking,async-pipeline", ("blocking", "async-pipeline")),
        (" pipeline , blocking,pipeline", ("pipeline", "blocking")),
    ],
)
def test_they_are_all_or_those_that_are_named(
    monkeypatch: pytest.MonkeyPatch, written: str | None, ways: tuple[str, ...]
) -> None:
    monkeypatch.delenv("DRC_TEST_WAYS", raising=False)
    if written is not None:
        monkeypatch.setenv("DRC_TEST_WAYS", written)
    assert chosen_ways() == ways


@pytest.mark.parametrize("written", ["asyncio", "blocking;async", "async,", "Blocking"])
def test_what_is_no_way_is_refused_with_what_there_is(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("DRC_TEST_WAYS", written)
    with pytest.raises(ValueError, match="write some of blocking, async, pipeline") as caught:
        chosen_ways()
    assert repr(written) in str(caught.value)


def test_the_suite_runs_in_these(tmp_path: Path) -> None:
    (tmp_path / "test_strings.py").write_text(TEST, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        env=os.environ | {"DRC_TEST_WAYS": "blocking,async-pipeline"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    missing = [line for line in done.stdout.splitlines() if "test_a_missing_key" in line]
    assert [line.partition("[")[2].rstrip("]") for line in missing] == [
        "blocking",
        "async-pipeline",
    ]
