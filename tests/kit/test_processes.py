"""No server outlives the process that started it, however that ends."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server

CHECKOUT = Path(__file__).parents[2]


def script(text: str) -> subprocess.Popen[str]:
    """Another process that starts servers, for what must be seen from outside."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(text)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(pid: int) -> bool:
    """A zombie, which only waits for init to read its status, is dead."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_closing_leaves_no_process_and_no_file() -> None:
    with Server() as server:
        pid, directory = server.pid, server.directory

    assert not alive(pid)
    assert not directory.exists()
    server.close()  # twice is once


def test_a_server_outlives_the_thread_that_started_it() -> None:
    server = Server()
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    gc.collect()
    time.sleep(0.05)
    try:
        assert server.cli("PING") == "PONG"
    finally:
        server.close()


def test_a_killed_test_process_leaves_nothing() -> None:
    """SIGKILL, with a paused server, one that a thread started, and a fork that lives on."""
    process = script(
        """
        import os, sys, threading, time, warnings
        from django_redis_core.testing.servers import Server
        servers = [Server(), Server()]
        thread = threading.Thread(target=servers[0].start)
        thread.start()
        thread.join()
        servers[1].start().pause()
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(*(server.pid for server in servers), child, servers[0].directory.parent, flush=True)
        time.sleep(60)
        """
    )
    assert process.stdout is not None
    *pids, scratch = process.stdout.readline().split()
    *running, child = map(int, pids)
    try:
        assert all(map(alive, running))
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(alive, running)), "the servers are gone", timeout=30)
        wait_until(lambda: not Path(scratch).exists(), "their files are gone", timeout=30)
        assert alive(child), "the fork was to outlive its parent, and to keep nothing running"
    finally:
        process.kill()
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_an_orderly_end_without_close_leaves_nothing() -> None:
    process = script(
        """
        import warnings
        warnings.simplefilter("ignore", ResourceWarning)  # subprocess' own, about the server
        from django_redis_core.testing.servers import Server
        server = Server().start()
        print(server.pid, server.directory.parent)
        """
    )
    out, errors = process.communicate(timeout=120)
    pid, scratch = out.split()

    assert process.returncode == 0, errors
    assert not alive(int(pid))
    assert not Path(scratch).exists()


def test_a_forked_child_leaves_its_parents_servers_alone() -> None:
    process = script(
        """
        import os, sys
        from django_redis_core.testing.servers import Server
        with Server() as server:
            child = os.fork()
            if child:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
                assert server.cli("PING") == "PONG"
                print("parent's lives")
            else:
                with Server() as own:  # a fork's own server has a watcher of its own
                    assert own.cli("PING") == "PONG"
                    assert own.directory.parent != server.directory.parent
        if not child:
            sys.exit(7)
        """
    )
    out, errors = process.communicate(timeout=120)

    assert (process.returncode, out) == (0, "parent's lives\n"), errors
    assert not errors


def test_a_killed_watcher_is_replaced() -> None:
    process = script(
        """
        import os, signal
        from django_redis_core.testing.servers import Server
        with Server() as one:
            watcher = os.getpgid(one.pid)
            os.kill(watcher, signal.SIGKILL)
            os.waitid(os.P_PID, watcher, os.WEXITED | os.WNOWAIT)
            with Server() as other:
                assert os.getpgid(one.pid) != os.getpgid(other.pid)
                assert one.cli("PING") == other.cli("PING") == "PONG"
        print("done")
        """
    )
    out, errors = process.communicate(timeout=120)

    assert (process.returncode, out, errors) == (0, "done\n", "")
