"""The process that owns one embedded server: starts it, waits for its last user, ends it.

A user process cannot do this. It may be killed before it cleans up, and it need not be the last
one. So the server's parent is this small process, which blocks until the kernel says that nobody
uses the directory any more. server.py runs this file as a script, with ``python -I -S`` and only
the cheapest of the standard library, because a cache that starts must not wait for imports; it
also imports the names of the files and what removes them, so that both sides agree.

Two locks (flock) carry the whole protocol:

``embedded.users``  every user holds it shared. The kernel drops it however a process ends, and a
                    forked child holds it too. Held exclusively it says: no user, and none can join.
``embedded.owner``  held exclusively while a reaper has a live server, so there is one at a time.
"""

import os
import signal
import sys
import threading
from contextlib import suppress

if sys.platform != "win32":  # open_server says so where there is no flock
    import fcntl

USERS = "embedded.users"
OWNER = "embedded.owner"
SOCKET = "embedded.sock"
LOG = "embedded.log"
DUMP = "embedded.rdb"  # written only if a user sends SAVE
#: The users' file last, because from its end on newcomers make a set of files of their own.
FILES = (SOCKET, LOG, DUMP, OWNER, USERS)

PR_SET_PDEATHSIG = 1


def lock(file: int, how: str) -> bool:
    """Lock an open file: "shared" and "exclusive" wait; "now" is exclusive or not at all."""
    operation = {
        "shared": fcntl.LOCK_SH,
        "exclusive": fcntl.LOCK_EX,
        "now": fcntl.LOCK_EX | fcntl.LOCK_NB,
    }
    try:
        fcntl.flock(file, operation[how])
    except BlockingIOError:
        return False
    return True


def is_current(users: int, directory: str) -> bool:
    """Whether the open file is still the directory's: a lock on a removed file excludes nobody."""
    try:
        return os.path.samestat(os.fstat(users), os.stat(os.path.join(directory, USERS)))
    except FileNotFoundError:
        return False


def mark_as_made(directory: str) -> None:
    """Note that the directory is ours: whoever removes the files removes it as well."""
    with open(os.path.join(directory, USERS), "r+b") as users:
        users.write(b"made the directory\n")


def remove_files(users: int, directory: str, alias: str) -> None:
    """Remove what the server left in its directory; only for the holder of the exclusive lock."""
    if not is_current(users, directory):
        return
    with suppress(OSError):
        if alias != directory and os.readlink(alias) == directory:
            os.unlink(alias)
    for name in FILES:
        with suppress(OSError):
            os.unlink(os.path.join(directory, name))
    if os.fstat(users).st_size > 0:
        try:
            os.rmdir(directory)
        except OSError:
            # Others have files in it. If one is a newcomer, the duty is now theirs.
            with suppress(OSError):
                mark_as_made(directory)


def die_with(parent: int) -> None:
    """Let the kernel end this process with its parent.

    Nothing else would end the server after ``pkill -9 python``, which takes the reaper along with
    the users. macOS has no such thing; there the next user of the directory ends the server.
    """
    if sys.platform == "linux":
        with suppress(ImportError, AttributeError, OSError):  # a Python built without ctypes
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def start(command: list[str]) -> int:
    """Run the server as our child and return its process id."""
    reaper = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        die_with(reaper)
        os.execv(command[0], command)
    except Exception as error:
        os.write(2, f"{command[0]}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(127)


def end_with_last_user(users: int, server: int, ended: threading.Event) -> None:
    """Block until no user is left, then kill the server.

    SIGKILL rather than SIGTERM: there is nothing to save, and a server that shuts down removes
    its socket by path, which may by then be the socket of another server.
    """
    lock(users, "exclusive")
    if not ended.is_set():  # else its process id may be somebody else's
        os.kill(server, signal.SIGKILL)


def main(directory: str, alias: str, owner: int, command: list[str]) -> None:
    # `pkill python` ends the users, and only then us.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.set_inheritable(owner, False)  # the server must not hold our lock
    users = os.open(os.path.join(directory, USERS), os.O_RDWR)
    if os.fork():
        os._exit(0)  # the user process waits for this one, and gets no child to reap later
    server = start(command)
    ended = threading.Event()
    watcher = threading.Thread(target=end_with_last_user, args=(users, server, ended), daemon=True)
    watcher.start()
    _, status = os.waitpid(server, 0)
    ended.set()
    os.write(2, f"The server ended with {os.waitstatus_to_exitcode(status)}.\n".encode())
    # If it died by itself, the next open_server may start another one. We stay for the files.
    os.close(owner)
    watcher.join()
    remove_files(users, directory, alias)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
