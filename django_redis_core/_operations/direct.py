"""Operations of one command, without a generator. Written by ``derive.py``, not by hand.

``ask`` answers a request, as the driver's ``execute`` does. What is in ``MADE_OF`` must be of the
client as it stands there for a function to do what the operation does.
"""

# mypy: ignore-errors
# ruff: noqa: A001, ASYNC109, I001, UP034

from __future__ import annotations

from ..commands.running import arun, run
from ..commands.shapes import NOTHING, STUMBLED, misread
from .strings import (
    Any,
    Batch,
    ConnectionInterrupted,
    DEFAULT_TIMEOUT,
    EXISTS,
    GET,
    Iterable,
    MGET,
    MISSING,
    Mapping,
    SET,
    UNLINK,
    _PAGE,
    _WELL,
    _in_pages,
    chain,
    checked,
)
from .expiry import PERSIST, PEXPIRE
from .counters import INCRBY, ReplyError, WrongTypeError, _ADD, _SWAP, reads_as_int


def get(self, ask, key: Any, default: Any = None, version: Any = None):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        data = (answer := ask((request := GET(full))))
        if data is None:
            return default
        value = self.unwrap(full, data)
        if value is MISSING:
            return run(self.unseen({full: data}), ask).get(full, default)
        return value
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def aget(self, ask, key: Any, default: Any = None, version: Any = None):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        data = (answer := (await ask((request := GET(full)))))
        if data is None:
            return default
        value = self.unwrap(full, data)
        if value is MISSING:
            return (await arun(self.unseen({full: data}), ask)).get(full, default)
        return value
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def set(
    self,
    ask,
    key: Any,
    value: Any,
    timeout: Any = DEFAULT_TIMEOUT,
    version: Any = None,
    *,
    nx: bool = False,
    xx: bool = False,
):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        milliseconds = self.milliseconds(timeout)
        if milliseconds is not None and milliseconds <= 0:
            if nx:
                return not (answer := ask((request := EXISTS(full).primary())))
            return bool((answer := ask((request := UNLINK([full])))))
        data, milliseconds = self.wrap(full, value, milliseconds)
        return bool((answer := ask((request := SET(full, data, milliseconds, nx=nx, xx=xx)))))
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def aset(
    self,
    ask,
    key: Any,
    value: Any,
    timeout: Any = DEFAULT_TIMEOUT,
    version: Any = None,
    *,
    nx: bool = False,
    xx: bool = False,
):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        milliseconds = self.milliseconds(timeout)
        if milliseconds is not None and milliseconds <= 0:
            if nx:
                return not (answer := (await ask((request := EXISTS(full).primary()))))
            return bool((answer := (await ask((request := UNLINK([full]))))))
        data, milliseconds = self.wrap(full, value, milliseconds)
        return bool(
            (answer := (await ask((request := SET(full, data, milliseconds, nx=nx, xx=xx)))))
        )
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def delete(self, ask, key: Any, version: Any = None, prefix: str | None = None):
    request = answer = NOTHING
    try:
        deleted: int = (
            answer := ask((request := UNLINK([self.naming.make(key, version, prefix)])))
        )
        return deleted > 0
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def adelete(self, ask, key: Any, version: Any = None, prefix: str | None = None):
    request = answer = NOTHING
    try:
        deleted: int = (
            answer := (await ask((request := UNLINK([self.naming.make(key, version, prefix)]))))
        )
        return deleted > 0
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def has_key(self, ask, key: Any, version: Any = None):
    request = answer = NOTHING
    try:
        return bool((answer := ask((request := EXISTS(self.naming.make(key, version))))))
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def ahas_key(self, ask, key: Any, version: Any = None):
    request = answer = NOTHING
    try:
        return bool((answer := (await ask((request := EXISTS(self.naming.make(key, version)))))))
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def get_many(self, ask, keys: Iterable[Any], version: Any = None):
    request = answer = NOTHING
    try:
        given = list(keys)
        if not given:
            return {}
        fulls = self.naming.make_many(given, version)
        if len(fulls) <= _PAGE:
            replies = (answer := ask((request := MGET(fulls))))
        else:
            replies = list(chain.from_iterable(run(_in_pages(MGET, fulls), ask)))
        values = self.unwrap_many(fulls, replies)
        found = {
            key: value for key, value in zip(given, values, strict=True) if value is not MISSING
        }
        if len(found) < len(given):
            unseen = {
                full: data
                for full, data, value in zip(fulls, replies, values, strict=True)
                if value is MISSING and data is not None and (not isinstance(data, Exception))
            }
            if unseen:
                names = dict(zip(fulls, given, strict=True))
                shown = run(self.unseen(unseen), ask)
                found.update(((names[full], value) for full, value in shown.items()))
        return found
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def aget_many(self, ask, keys: Iterable[Any], version: Any = None):
    request = answer = NOTHING
    try:
        given = list(keys)
        if not given:
            return {}
        fulls = self.naming.make_many(given, version)
        if len(fulls) <= _PAGE:
            replies = (answer := (await ask((request := MGET(fulls)))))
        else:
            replies = list(chain.from_iterable(await arun(_in_pages(MGET, fulls), ask)))
        values = self.unwrap_many(fulls, replies)
        found = {
            key: value for key, value in zip(given, values, strict=True) if value is not MISSING
        }
        if len(found) < len(given):
            unseen = {
                full: data
                for full, data, value in zip(fulls, replies, values, strict=True)
                if value is MISSING and data is not None and (not isinstance(data, Exception))
            }
            if unseen:
                names = dict(zip(fulls, given, strict=True))
                shown = await arun(self.unseen(unseen), ask)
                found.update(((names[full], value) for full, value in shown.items()))
        return found
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def set_many(
    self, ask, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None
):
    request = answer = NOTHING
    try:
        if not data:
            return []
        milliseconds = self.milliseconds(timeout)
        fulls = self.naming.make_many(data, version)
        commands: Batch
        if milliseconds is not None and milliseconds <= 0:
            commands = [UNLINK([full]) for full in fulls]
        else:
            commands = self.sets_of(fulls, [*data.values()], milliseconds)
        replies = (answer := ask((request := commands)))
        if len(replies) == len(data) and _WELL.issuperset(map(type, replies)):
            return []
        failed = [
            key for key, reply in zip(data, replies, strict=True) if isinstance(reply, Exception)
        ]
        if len(failed) == len(replies):
            checked(replies)
        return failed
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def aset_many(
    self, ask, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None
):
    request = answer = NOTHING
    try:
        if not data:
            return []
        milliseconds = self.milliseconds(timeout)
        fulls = self.naming.make_many(data, version)
        commands: Batch
        if milliseconds is not None and milliseconds <= 0:
            commands = [UNLINK([full]) for full in fulls]
        else:
            commands = self.sets_of(fulls, [*data.values()], milliseconds)
        replies = (answer := (await ask((request := commands))))
        if len(replies) == len(data) and _WELL.issuperset(map(type, replies)):
            return []
        failed = [
            key for key, reply in zip(data, replies, strict=True) if isinstance(reply, Exception)
        ]
        if len(failed) == len(replies):
            checked(replies)
        return failed
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def touch(self, ask, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        return live_for(self, ask, full, self.milliseconds(timeout))
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def atouch(self, ask, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        return await alive_for(self, ask, full, self.milliseconds(timeout))
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def live_for(self, ask, full: str, milliseconds: int | None):
    request = answer = NOTHING
    try:
        if milliseconds is None:
            _, there = checked(
                (answer := ask((request := [PERSIST(full), EXISTS(full).primary()])))
            )
            return bool(there)
        if milliseconds <= 0:
            return bool((answer := ask((request := UNLINK([full])))))
        return bool((answer := ask((request := PEXPIRE(full, milliseconds)))))
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def alive_for(self, ask, full: str, milliseconds: int | None):
    request = answer = NOTHING
    try:
        if milliseconds is None:
            _, there = checked(
                (answer := (await ask((request := [PERSIST(full), EXISTS(full).primary()]))))
            )
            return bool(there)
        if milliseconds <= 0:
            return bool((answer := (await ask((request := UNLINK([full]))))))
        return bool((answer := (await ask((request := PEXPIRE(full, milliseconds))))))
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


def incr(
    self,
    ask,
    key: Any,
    delta: int = 1,
    version: Any = None,
    *,
    ignore_key_check: bool = False,
    timeout: Any = MISSING,
):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        self.check_delta(delta)
        milliseconds = None
        if timeout is not MISSING:
            milliseconds, ignore_key_check = (self.milliseconds(timeout), True)
        start = () if milliseconds is None else (milliseconds,)
        small = delta.__class__ is int and -(2**63) <= delta < 2**63
        if ignore_key_check and small and (not start):
            try:
                return int((answer := ask((request := INCRBY(full, delta)))))
            except WrongTypeError:
                raise
            except ReplyError:
                pass
        amount = b"%d" % delta if small else delta
        while True:
            try:
                reply = (answer := ask((request := _ADD.command((full,), amount, *start))))
            except ReplyError as error:
                reply = (answer := ask((request := _ADD.again(error, (full,), amount, *start))))
            if reply.__class__ is int:
                return reply
            if reply is None:
                if not ignore_key_check:
                    raise ValueError(f"Key {key!r} not found")
                if milliseconds is not None and milliseconds <= 0:
                    return delta
                if answer := ask(
                    (request := SET(full, *self.wrap(full, delta, milliseconds), nx=True))
                ):
                    return delta
                continue
            if not isinstance(reply, list):
                text: Any = reply
                if not isinstance(reply, bytes | str) or not reads_as_int(text):
                    raise ConnectionInterrupted(None, "the new value is no number")
                return int(reply)
            old = reply[0] if reply else None
            if not isinstance(old, bytes):
                raise ConnectionInterrupted(None, "the old value is no text")
            total = self.total(full, old, delta)
            data, _ = self.wrap(full, total, None)
            if run(_SWAP((full,), old, data), ask):
                return total
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


async def aincr(
    self,
    ask,
    key: Any,
    delta: int = 1,
    version: Any = None,
    *,
    ignore_key_check: bool = False,
    timeout: Any = MISSING,
):
    request = answer = NOTHING
    try:
        full = self.naming.make(key, version)
        self.check_delta(delta)
        milliseconds = None
        if timeout is not MISSING:
            milliseconds, ignore_key_check = (self.milliseconds(timeout), True)
        start = () if milliseconds is None else (milliseconds,)
        small = delta.__class__ is int and -(2**63) <= delta < 2**63
        if ignore_key_check and small and (not start):
            try:
                return int((answer := (await ask((request := INCRBY(full, delta))))))
            except WrongTypeError:
                raise
            except ReplyError:
                pass
        amount = b"%d" % delta if small else delta
        while True:
            try:
                reply = (answer := (await ask((request := _ADD.command((full,), amount, *start)))))
            except ReplyError as error:
                reply = (
                    answer := (await ask((request := _ADD.again(error, (full,), amount, *start))))
                )
            if reply.__class__ is int:
                return reply
            if reply is None:
                if not ignore_key_check:
                    raise ValueError(f"Key {key!r} not found")
                if milliseconds is not None and milliseconds <= 0:
                    return delta
                if answer := (
                    await ask(
                        (request := SET(full, *self.wrap(full, delta, milliseconds), nx=True))
                    )
                ):
                    return delta
                continue
            if not isinstance(reply, list):
                text: Any = reply
                if not isinstance(reply, bytes | str) or not reads_as_int(text):
                    raise ConnectionInterrupted(None, "the new value is no number")
                return int(reply)
            old = reply[0] if reply else None
            if not isinstance(old, bytes):
                raise ConnectionInterrupted(None, "the old value is no text")
            total = self.total(full, old, delta)
            data, _ = self.wrap(full, total, None)
            if await arun(_SWAP((full,), old, data), ask):
                return total
    except STUMBLED as error:
        if (trouble := misread(request, answer)) is not None:
            raise trouble from error
        raise


MADE_OF = {
    "get": ("get",),
    "set": ("set",),
    "delete": ("delete",),
    "has_key": ("has_key",),
    "get_many": ("get_many",),
    "set_many": ("set_many",),
    "touch": ("touch", "live_for"),
    "live_for": ("live_for",),
    "incr": ("incr",),
}
