"""The promise of test_interrupts.py, for gevent's workers: a timeout may cut a call short anywhere
between sending and reading, and nobody gets a reply that is not theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from django_redis_core.testing.proxy import FaultProxy


def test_a_greenlets_timeout_never_leaves_a_reply_for_the_next_caller(proxy: FaultProxy) -> None:
    proxy.latency(0.0003)  # so that most timeouts fall between sending and reading
    command = [sys.executable, str(Path(__file__).with_name("greenlets.py")), proxy.url, "600"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["wrong"] == []
    assert outcome["struck"] >= 600
    assert outcome["reads"] >= 600
