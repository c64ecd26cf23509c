"""Writes what became of each test to ``ECOSYSTEM_RECORD``, under pytest or Django's runner."""

import json
import os
import unittest

from django.conf import settings
from django.test.runner import DiscoverRunner
from ecosystem_caches import replaced

try:
    import pytest
except ImportError:  # under Django's runner it need not be here
    last = None
else:
    last = pytest.hookimpl(trylast=True)


outcomes = {}
#: From best to worst: a test with subtests, or with a teardown, is told of more than once.
ORDER = ["skipped", "passed", "failed"]


def note(name, outcome):
    known = outcomes.get(name, "skipped")
    outcomes[name] = max(known, outcome, key=ORDER.index)


def write():
    with open(os.environ["ECOSYSTEM_RECORD"], "w") as file:
        json.dump(outcomes, file)


class Result(unittest.TextTestResult):
    def addSuccess(self, test):
        super().addSuccess(test)
        note(test.id(), "passed")

    def addError(self, test, err):
        super().addError(test, err)
        note(test.id(), "failed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        note(test.id(), "failed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        note(test.id(), "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        note(test.id(), "passed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        note(test.id(), "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            note(test.id(), "failed")


class Runner(DiscoverRunner):
    def get_resultclass(self):
        return Result

    def run_suite(self, suite, **kwargs):
        try:
            return super().run_suite(suite, **kwargs)
        finally:
            write()


def pytest_configure(config):
    # A suite whose conftest.py has called settings.configure has no module to import ours from.
    if not os.environ["ECOSYSTEM_SETTINGS"]:
        settings.CACHES = replaced(settings.CACHES)


if last is not None:
    pytest_configure = last(pytest_configure)


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        note(report.nodeid, report.outcome)


def pytest_collectreport(report):
    if report.failed:
        note(report.nodeid, "failed")


def pytest_sessionfinish():
    write()
