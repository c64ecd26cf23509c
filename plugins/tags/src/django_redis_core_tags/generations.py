"""Tags and their generations.

A tag's generation is a random number that the server keeps under a key of the tag's. An entry
remembers those of its tags as they were before its value was computed, and is there for as long as
they are the same. To invalidate a tag is to remove its key: the next writer makes a generation that
never was before, so nothing has to be found, and a key that is lost forgets entries and revives
none.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django_redis_core.commands import (
    GET,
    MGET,
    PERSIST,
    PEXPIRE,
    PTTL,
    SET,
    UNLINK,
    Batch,
    Operation,
)
from django_redis_core.interfaces import Client, ClientContext, always, checked, operation

from .codec import TaggedCodec
from .envelope import (
    GENERATION,
    GENERATION_MAGIC,
    LONGEST,
    MOST,
    Labelled,
    Tagged,
    is_generation,
    pack,
)
from .options import INVALIDATE

#: The most tags of which a process remembers how long they live.
REMEMBERED = 4096

_now = time.monotonic

#: Stands in a snapshot for what a server in trouble has not said.
UNKNOWN = b""


class TagSnapshot:
    """Tags, and their generations at one moment: what ``snapshot_tags`` gives, for ``tags=``.

    An entry that is stored with it is not there if one of the tags was invalidated since, so it
    may be stored long after, when its value was computed.
    """

    __slots__ = ("generations", "homes", "milliseconds")

    def __init__(
        self, generations: Mapping[str, bytes], homes: Sequence[str], milliseconds: int | None
    ) -> None:
        self.generations = generations
        self.homes = homes
        #: How long the server remembers them at least; None: for ever.
        self.milliseconds = milliseconds

    @property
    def known(self) -> bool:
        """Whether a server has told them. What is stored with others is not there."""
        return UNKNOWN not in self.generations.values()

    def __eq__(self, other: object) -> bool:
        """Equal are snapshots of the same tags; what they hold is random."""
        return isinstance(other, TagSnapshot) and list(self.generations) == list(other.generations)

    def __hash__(self) -> int:
        return hash(tuple(self.generations))

    def __repr__(self) -> str:
        return f"<TagSnapshot {', '.join(self.generations)}>"


def new_generation() -> bytes:
    """One that never was before."""
    return GENERATION_MAGIC + secrets.token_bytes(GENERATION - len(GENERATION_MAGIC))


def unknown(arguments: Mapping[str, Any]) -> TagSnapshot:
    """The fallback of ``snapshot_tags``."""
    return TagSnapshot(dict.fromkeys(arguments["tags"], UNKNOWN), (), 0)


class Generations(Client):
    """Reads, makes and removes generations."""

    def __init__(
        self,
        context: ClientContext,
        *,
        tags_timeout: float = 30 * 86400,
        tags_on_commit: str = INVALIDATE,
        tags_database: str = "default",
        **options: Any,
    ) -> None:
        super().__init__(replace(context, codec=TaggedCodec(context.codec)), **options)
        # Until when (``time.monotonic``) a generation surely lives, by its key.
        self._tag_lives: dict[str, tuple[bytes, float]] = {}
        self.tags_life = max(int(tags_timeout * 1000), 1)
        self.tags_on_commit = tags_on_commit
        self.tags_database = tags_database

    @operation(fallback=unknown, keys=())
    def snapshot_tags(self, *tags: str, version: Any = None) -> Operation[TagSnapshot]:
        """The tags as they are now, for ``tags=``: read before a value is computed that is stored
        by ``set``, so that an invalidation in between is not missed. One round trip."""
        return (yield from self.tag_snapshot(self.tag_names(tags), version, self.tags_life // 2))

    @operation(fallback=always(int), keys=())
    def invalidate_tags(self, *tags: str, version: Any = None) -> Operation[int]:
        """Forgets every entry that bears one of ``tags``, in all processes at once. One round trip
        to each server, however many entries there are.

        Returns how many of the tags were known. In an open transaction of the database it is done
        at its end, and the answer is 0 (``TAGS_ON_COMMIT``).
        """
        names = self.tag_names(tags)
        homes = [self.tag_home(name, version) for name in names]
        return (yield from self.forget_tags(homes)) if homes else 0

    def forget_tags(self, homes: Sequence[str]) -> Operation[int]:
        # One by one, for the sum of a whole would not tell of a server that failed.
        return sum(checked((yield [UNLINK([home]) for home in homes])))

    def tag_names(self, tags: Any) -> list[str]:
        """``tags``, each once, or an error that says what is wrong with them."""
        where = f"CACHES[{self.alias!r}]: tags"
        if isinstance(tags, str | bytes | Mapping) or not isinstance(tags, Iterable):
            hint = f"write [{tags!r}]" if isinstance(tags, str) else 'such as ["menu", "author:3"]'
            raise TypeError(f"{where} are a list of names, not {tags!r}: {hint}.")
        names = list(dict.fromkeys(tags))
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"{where} are names, of type str, not {name!r}: write its str().")
            try:
                size = len(name.encode())
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"{where} are text that UTF-8 can encode, not {name!r}."
                ) from error
            if not 0 < size <= LONGEST:
                raise ValueError(
                    f"{where} have 1 to {LONGEST} bytes as UTF-8, and {name!r} has {size}: give it "
                    "a shorter name, such as a hash of it."
                )
        if len(names) > MOST:
            raise ValueError(
                f"{where} are {MOST} at most, not {len(names)}: an entry that depends on so much "
                "is better given a tag for all of it."
            )
        return names

    def tag_home(self, tag: str, version: Any) -> str:
        """The key of a tag's generation. It begins as all keys of the cache do, for users of the
        server that may use no others, and for ``clear``, which forgets all tags too."""
        return self.naming.unchecked(f"tag:{tag}:generation", version)

    def tag_snapshot(
        self, names: Sequence[str], version: Any, milliseconds: int | None
    ) -> Operation[TagSnapshot]:
        """The generations of tags, which are made where there are none, and live for as long as an
        entry that lives for ``milliseconds``. One round trip, and one more for what must be made
        or renewed."""
        homes = [self.tag_home(name, version) for name in names]
        if not homes:
            return TagSnapshot({}, homes, None)
        # At least as long as the entry, and renewed before half of that is over, so that few
        # writes of entries write tags.
        least = None if milliseconds is None else max(milliseconds, self.tags_life // 2)
        found = yield from self.remembered_tags(homes, least)
        if found is None:
            whole = None if milliseconds is None else max(2 * milliseconds, self.tags_life)
            found = yield from self.made_tags(homes, least, whole)
        return TagSnapshot(dict(zip(names, found, strict=True)), homes, least)

    def remembered_tags(
        self, homes: Sequence[str], least: int | None
    ) -> Operation[Sequence[bytes] | None]:
        """The generations, where this process knows that all live long enough: a generation is
        never given less time than it has. None where it does not, or where they are others now."""
        until = _now() + (math.inf if least is None else least / 1000)
        known = [self._tag_lives.get(home) for home in homes]
        if any(one is None or one[1] < until for one in known):
            return None
        found = yield from self.stored_tags(homes)
        same = all(one and one[0] == now for one, now in zip(known, found, strict=True))
        return found if same else None

    def stored_tags(self, homes: Sequence[str]) -> Operation[Sequence[bytes]]:
        """What lies under keys of generations; an error where a server does not tell."""
        if len(homes) == 1:
            return [(yield GET(homes[0]).primary())]
        return checked((yield MGET(homes).primary()))

    def made_tags(
        self, homes: Sequence[str], least: int | None, whole: int | None
    ) -> Operation[Sequence[bytes]]:
        """The generations, which from now on live for ``least`` milliseconds at least; those that
        do not yet, or are made, live for ``whole`` ones. None: for ever."""
        began = _now()
        replies = yield [
            *[GET(home).primary() for home in homes],
            *[PTTL(home).primary() for home in homes],
        ]
        checked(replies)
        found, lefts = replies[: len(homes)], replies[len(homes) :]
        again: Batch = []
        made: dict[int, int] = {}
        for place, (home, left) in enumerate(zip(homes, lefts, strict=True)):
            old = found[place]
            if old is None or not is_generation(old):
                made[place] = len(again) + 1
                again += (SET(home, new_generation(), whole, nx=old is None), GET(home).primary())
            elif left >= 0 and (least is None or whole is None):
                again.append(PERSIST(home))
            elif whole is not None and least is not None and 0 <= left < least:
                again.append(PEXPIRE(home, whole))
            else:
                self.remember_tag(home, old, math.inf if left < 0 else began + left / 1000)
        if again:
            replies = checked((yield again))
        for place, there in made.items():
            # One that was invalidated since is as good as any that nobody has.
            found[place] = replies[there] or new_generation()
        return found  # type: ignore[no-any-return]

    def remember_tag(self, home: str, generation: bytes, until: float) -> None:
        if len(self._tag_lives) >= REMEMBERED:
            self._tag_lives.clear()
        self._tag_lives[home] = generation, until

    def given_tags(self, tags: Any) -> list[str] | TagSnapshot:
        """``tags=`` as a caller gave it, checked."""
        return tags if tags.__class__ is TagSnapshot else self.tag_names(tags)

    def tag_labels(
        self, tags: list[str] | TagSnapshot, version: Any, milliseconds: int | None
    ) -> Operation[TagSnapshot]:
        """The generations that an entry of so long a life is to be stored with."""
        if isinstance(tags, list):
            return (yield from self.tag_snapshot(tags, version, milliseconds))
        if not tags.known:  # and so is what is stored with it never there
            return TagSnapshot({name: new_generation() for name in tags.generations}, (), None)
        if [self.tag_home(name, version) for name in tags.generations] != tags.homes:
            raise ValueError(
                f"CACHES[{self.alias!r}]: tags= is a snapshot of another version or cache. Call "
                "snapshot_tags() of the cache that stores the entry, with the same version=."
            )
        lasts = tags.milliseconds
        if lasts is not None and (milliseconds is None or milliseconds > lasts):
            # Whoever lost its key meanwhile is invalid, and stays so.
            checked(
                (
                    yield [
                        PERSIST(home) if milliseconds is None else PEXPIRE(home, 2 * milliseconds)
                        for home in tags.homes
                    ]
                )
            )
        return tags

    def with_envelope(self, value: Any, snapshot: TagSnapshot) -> Any:
        return Labelled(value, pack(snapshot.generations)) if snapshot.generations else value

    def tag_generations(self, names: Iterable[str], version: Any) -> Operation[dict[str, Any]]:
        """The generations of tags now, by name; None of one that has none, and the error in the
        place of one whose server failed. Of primaries: a replica may not know of an invalidation
        that was answered."""
        unique = list(dict.fromkeys(names))
        replies = yield MGET([self.tag_home(name, version) for name in unique]).primary()
        return dict(zip(unique, replies, strict=True))

    def is_fresh(self, entry: Tagged, version: Any) -> Operation[bool]:
        """Whether an entry is still there: no tag of it was invalidated."""
        return (yield from self.are_current(entry.generations, version))

    def are_current(self, generations: Mapping[str, bytes], version: Any) -> Operation[bool]:
        homes = [self.tag_home(name, version) for name in generations]
        return list((yield from self.stored_tags(homes))) == list(generations.values())
