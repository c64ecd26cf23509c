"""Whose a directory is: what another local user can write to is not used.

Values are unpickled, so whoever answers on the socket runs code here. A directory that somebody
else made first, or may write to, can hold a socket of theirs; so can what a link of theirs leads
to. It is all looked at before anything is opened, as ssh looks at its keys (``StrictModes``).
"""

import errno
import os
import stat

__all__ = ["NotOurs", "refuse_foreign", "refuse_foreign_files"]


class NotOurs(Exception):
    """Another user could have put something here; the message says what to do."""


def refuse_foreign(directory: str) -> None:
    """Raises NotOurs for a directory that others than this user and root can change, by itself or
    by one of the directories and links on the way to it. What is not there yet is nobody's."""
    for place in _ways(os.path.abspath(directory)):
        found = _looked_at(place)
        if found is None:
            return
        if stat.S_ISLNK(found.st_mode):
            if not _trusted(found):
                raise NotOurs(
                    f"{place} is a link that the user {found.st_uid} has made: name another "
                    "directory."
                )
        elif place in (directory, os.path.realpath(directory)):
            _refuse_directory(place, found)
        elif not _trusted(found) or _open_to_all(found):
            raise NotOurs(
                f"{directory} lies in {place}, in which other users can rename it (it belongs to "
                f"the user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}): name a directory "
                "below one of your own."
            )


def refuse_foreign_files(directory: str, names: tuple[str, ...]) -> None:
    """Raises NotOurs for a file that is a link, or that another user has made. Who may write to the
    directory was asked before; this finds what was put there when it stood open."""
    for name in names:
        place = os.path.join(directory, name)
        found = _looked_at(place)
        if found is None:
            continue
        if stat.S_ISLNK(found.st_mode) or found.st_uid != os.getuid():
            what = "a link" if stat.S_ISLNK(found.st_mode) else f"of the user {found.st_uid}"
            raise NotOurs(f"{place} is {what} and was not made by this server: remove it.")


def _refuse_directory(place: str, found: os.stat_result) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place)
    if found.st_uid != os.getuid():
        raise NotOurs(
            f"{place} belongs to the user {found.st_uid}, and this process runs as {os.getuid()}: "
            "name a directory of your own."
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotOurs(
            f"{place} can be written to by other users (mode {stat.S_IMODE(found.st_mode):o}): "
            f"chmod 700 {place}"
        )


def _ways(path: str) -> list[str]:
    """Every directory and link on the way to ``path`` from the root, links followed, it last."""
    found: list[str] = []
    for whole in dict.fromkeys((path, os.path.realpath(path))):
        parts = whole.split(os.sep)
        found += [os.sep.join(parts[: length + 1]) or os.sep for length in range(len(parts))]
    return list(dict.fromkeys(found))


def _looked_at(place: str) -> os.stat_result | None:
    try:
        return os.lstat(place)
    except FileNotFoundError:
        return None


def _trusted(found: os.stat_result) -> bool:
    return found.st_uid in (0, os.getuid())


def _open_to_all(found: os.stat_result) -> bool:
    """Whether everybody may rename what others have in it: ``/tmp`` has the sticky bit."""
    return bool(found.st_mode & stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
