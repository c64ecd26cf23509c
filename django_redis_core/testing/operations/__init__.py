"""The operation suite: every cache operation's promises, each a test that runs in four ways.

One module a family. ``Operations`` puts them together for the contracts; a family is added here.
"""

from __future__ import annotations

from .counters import CountersSuite
from .expiry import ExpirySuite
from .locks import LocksSuite
from .many import ManySuite
from .naming import NamingSuite
from .scanning import ScanningSuite
from .strings import StringsSuite
from .timeouts import TimeoutsSuite
from .versions import VersionsSuite


class Operations(
    StringsSuite,
    ManySuite,
    CountersSuite,
    VersionsSuite,
    ExpirySuite,
    TimeoutsSuite,
    ScanningSuite,
    LocksSuite,
    NamingSuite,
):
    """All suites."""
