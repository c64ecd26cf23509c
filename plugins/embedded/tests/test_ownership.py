"""What another local user could have put in the way is refused before anything is opened: whoever
answers on the socket is unpickled."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core_embedded import reaper
from django_redis_core_embedded.ownership import NotOurs, refuse_foreign
from django_redis_core_embedded.server import EmbeddedServerError, open_server

#: A user that is not the one who runs the tests.
OTHER = 65534


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[Path, list[bytes]]]:
    """A directory with a socket on which somebody listens, and whether anybody came."""
    place = tmp_path / "shared"
    place.mkdir(mode=0o700)
    came: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(place / reaper.SOCKET))
        sock.listen()
        sock.setblocking(False)
        yield place, came
        try:
            sock.accept()[0].close()
            came.append(b"a connection")
        except BlockingIOError:
            pass
        assert came == [], "somebody connected"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o1777])
def test_a_directory_that_others_can_write_to(
    listener: tuple[Path, list[bytes]], mode: int
) -> None:
    place, _ = listener
    place.chmod(mode)
    before = sorted(os.listdir(place))
    with pytest.raises(EmbeddedServerError, match=f"mode {mode:o}.*chmod 700 {place}"):
        open_server(str(place))
    assert sorted(os.listdir(place)) == before
    cache = RedisCache(f"embedded://{place}", {})
    with pytest.raises(ImproperlyConfigured, match="chmod 700"):
        cache.get("k")


def test_a_parent_in_which_others_can_rename_it(tmp_path: Path) -> None:
    parent = tmp_path / "open"
    parent.mkdir()
    parent.chmod(0o777)
    (parent / "cache").mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match="other users can rename it"):
        open_server(str(parent / "cache"))
    with pytest.raises(EmbeddedServerError, match="other users can rename it"):
        open_server(str(parent / "not there yet"))
    parent.chmod(0o1777)  # as /tmp is
    refuse_foreign(str(parent / "cache"))


@pytest.mark.parametrize("name", [reaper.USERS, reaper.OWNER, reaper.LOG, reaper.SOCKET])
def test_a_link_in_place_of_a_file(tmp_path: Path, name: str) -> None:
    place, precious = tmp_path / "cache", tmp_path / "precious"
    place.mkdir(mode=0o700)
    precious.write_text("kept")
    (place / name).symlink_to(precious)
    with pytest.raises(EmbeddedServerError, match=f"{name} is a link"):
        open_server(str(place))
    assert precious.read_text() == "kept"


def test_a_link_of_ones_own_on_the_way(tmp_path: Path) -> None:
    place = tmp_path / "real"
    place.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(place)
    refuse_foreign(str(tmp_path / "link"))
    place.chmod(0o777)
    with pytest.raises(NotOurs, match="chmod 700"):
        refuse_foreign(str(tmp_path / "link"))


def owned_by_another(tmp_path: Path) -> tuple[Path, Path]:
    place, link = tmp_path / "theirs", tmp_path / "link"
    place.mkdir(mode=0o755)
    link.symlink_to(tmp_path)
    os.chown(place, OTHER, OTHER)
    os.chown(link, OTHER, OTHER, follow_symlinks=False)
    return place, link


if os.getuid() == 0:

    def test_what_another_user_has_made(tmp_path: Path) -> None:
        place, link = owned_by_another(tmp_path)
        with pytest.raises(EmbeddedServerError, match=f"belongs to the user {OTHER}"):
            open_server(str(place))
        with pytest.raises(EmbeddedServerError, match=f"a link that the user {OTHER} has made"):
            open_server(str(link / "cache"))
        assert os.listdir(place) == []
        mine = tmp_path / "mine"
        mine.mkdir(mode=0o700)
        (mine / reaper.USERS).write_text("")
        os.chown(mine / reaper.USERS, OTHER, OTHER)
        with pytest.raises(EmbeddedServerError, match=f"of the user {OTHER} and was not made"):
            open_server(str(mine))
