"""A command as it is sent: an array of bulk strings.

The forms that most commands have are put together here out of text that is there: that takes a
third of the instructions that hiredis takes, which looks at each argument by calls of Python's
interface for C. https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._interrupts import struck
from ..commands import Argument

Pack = Callable[[tuple[Argument, ...]], bytes]


def encoded(arg: Argument) -> str | bytes:
    """A number as the text that the protocol wants; text and bytes as they are."""
    if isinstance(arg, str | bytes):
        return arg
    return b"%d" % arg if isinstance(arg, int) else repr(arg).encode()


def python_pack(args: tuple[Argument, ...]) -> bytes:
    """Any command, slowly."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        arg = encoded(arg)
        if isinstance(arg, str):
            arg = arg.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


_any: Pack

try:
    import hiredis
except ImportError:
    _any = python_pack
else:

    def _any(args: tuple[Argument, ...]) -> bytes:
        """hiredis' packing, which never gets to see a number.

        It turns one into text by a call that looks for signals, and where a signal's handler
        raises there (a time limit, Ctrl-C) it goes on with no text and takes the process down.
        """
        for arg in args:
            cls = arg.__class__
            if cls is not str and cls is not bytes:
                args = tuple([encoded(arg) for arg in args])
                break
        return hiredis.pack_command(args)  # type: ignore[arg-type, no-any-return]


#: What stands before text and before bytes of so many; what is longer is rare enough to be counted.
_TABLE = 512
_SIZES = [f"${size}\r\n" for size in range(_TABLE)]
_OF_BYTES = [size.encode() for size in _SIZES]


def _heads(count: int, names: str) -> dict[Argument, str]:
    return {name.encode(): f"*{count}\r\n${len(name)}\r\n{name}\r\n" for name in names.split()}


#: How commands begin that have a key alone, and a key and a number.
_OF_KEY = _heads(2, "GET UNLINK EXISTS TTL PTTL PERSIST MGET GETDEL")
_OF_NUMBER = _heads(3, "PEXPIRE INCRBY")
_SCRIPT = "*5\r\n$7\r\nEVALSHA\r\n$40\r\n"


def pack(args: tuple[Any, ...]) -> bytes:
    """A command as it is sent."""
    count = len(args)
    if count == 2:
        name, key = args
        if name in _OF_KEY and key.__class__ is str and key.isascii() and len(key) < _TABLE:
            return f"{_OF_KEY[name]}{_SIZES[len(key)]}{key}\r\n".encode()
    elif count == 5:
        name, key, third, fourth, last = args
        if last.__class__ is bytes and len(last) < _TABLE and key.__class__ is str:
            if name == b"SET":
                if fourth == b"PX" and key.isascii() and third.__class__ is bytes:
                    return _set(key, third, last)
            elif name == b"EVALSHA" and third == b"1" and fourth.__class__ is str:
                text = f"{_SCRIPT}{key}\r\n$1\r\n1\r\n${len(fourth)}\r\n{fourth}\r\n"
                if text.isascii():
                    return b"".join((text.encode(), _OF_BYTES[len(last)], last, b"\r\n"))
    elif count == 3:
        name, key, last = args
        if (
            name in _OF_NUMBER
            and last.__class__ is bytes
            and len(last) < _TABLE
            and key.__class__ is str
            and key.isascii()
        ):
            head = f"{_OF_NUMBER[name]}${len(key)}\r\n{key}\r\n".encode()
            return b"".join((head, _OF_BYTES[len(last)], last, b"\r\n"))
    elif count > 8 and args[0] in _OF_MANY:
        try:
            packed = _OF_MANY[args[0]](args)
        except _OF_OTHERS as error:
            if struck(error):
                raise
        else:
            if packed is not None:
                return packed
    return _any(args)


def pack_all(commands: Sequence[tuple[Any, ...]]) -> bytes:
    """Several commands, as they are sent."""
    if commands and len(commands[0]) == 2:  # most likely each has a key alone
        try:
            # Added and not formatted, which would take a key of bytes.
            parts = [_OF_KEY[name] + _SIZES[len(key)] + key for name, key in commands]
        except _OF_OTHERS as error:  # more arguments, another name, a key of bytes, or a long one
            if struck(error):
                raise
        else:
            text = "\r\n".join(parts) + "\r\n"
            if text.isascii():
                return text.encode()
    return b"".join(map(pack, commands))


def _set(key: str, payload: bytes, number: bytes) -> bytes:
    """SET with PX, of a key in ASCII."""
    size = len(payload)
    before = _SIZES[size] if size < _TABLE else f"${size}\r\n"
    head = f"*5\r\n$3\r\nSET\r\n${len(key)}\r\n{key}\r\n{before}".encode()
    expiry = _OF_BYTES[len(number)]
    return b"".join((head, payload, b"\r\n$2\r\nPX\r\n", expiry, number, b"\r\n"))


def _keys(args: Sequence[Any]) -> bytes | None:
    """MGET, where all keys are short text in ASCII."""
    keys = args[1:]
    parts = ["\r\n"] * (3 * len(keys))
    parts[::3] = map(_SIZES.__getitem__, map(len, keys))
    parts[1::3] = keys
    text = "".join(parts)
    return f"*{len(args)}\r\n$4\r\nMGET\r\n{text}".encode() if text.isascii() else None


def _pairs(args: Sequence[Any]) -> bytes:
    """MSETEX: a count, keys and values in turns, and an expiry or none. Keys are text."""
    count = int(args[1])
    end = 2 * count + 2
    names, values, rest = [*map(str.encode, args[2:end:2])], args[3:end:2], args[end:]
    parts = [b"\r\n"] * (6 * count)
    parts[::6] = _before(names)
    parts[1::6] = names
    parts[3::6] = _before(values)
    parts[4::6] = values
    head = b"*%d\r\n$6\r\nMSETEX\r\n$%d\r\n%b\r\n" % (len(args), len(args[1]), args[1])
    return b"".join([head, *parts, *[b"$%d\r\n%b\r\n" % (len(one), one) for one in rest]])


def _before(values: Sequence[bytes]) -> list[bytes]:
    try:
        return [*map(_OF_BYTES.__getitem__, map(len, values))]
    except IndexError:  # longer than the table
        return [b"$%d\r\n" % len(value) for value in values]


_OF_MANY: dict[bytes, Callable[[Sequence[Any]], bytes | None]] = {b"MGET": _keys, b"MSETEX": _pairs}
#: What these raise for arguments of another form.
_OF_OTHERS = (TypeError, ValueError, LookupError, AttributeError)
