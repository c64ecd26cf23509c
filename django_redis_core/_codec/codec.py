"""The way of a value: serializer, then compressor, then sealer; and back.

Integers pass by all three and are stored as ASCII decimal digits, so that INCR works on them.
Built once a cache into two plain functions, because every hit runs through here: what a cache
does not use costs nothing. It knows nothing about servers, versions or expiry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, length_hint
from typing import Any, Final, TypeVar

from ..exceptions import SealError, SerializationError
from .blame import Errors, own_errors, speaks_of_a_value
from .bounds import Bound, unpacked, watching
from .lazy import unwrapped
from .stages import Compressor, Sealer, Serializer

T = TypeVar("T")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


#: What stands for a value that is not there or cannot be read. It is falsy and never stored.
MISSING: Final = _Missing()

_HEXADECIMAL = frozenset(b"0123456789abcdef")

Report = Callable[[str, bytes, Exception], None]
Encode = Callable[[str, Any], bytes]
Decode = Callable[[str, bytes], Any]
EncodeMany = Callable[[Sequence[str], Sequence[Any]], list[bytes]]
DecodeMany = Callable[[Sequence[str], Iterable[Any]], list[Any]]


def reads_as_int(data: bytes) -> bool:
    """Whether ``data`` is an ASCII decimal integer, which is how the codec stores ints."""
    return data.isdigit() or (data[:1] == b"-" and data[1:].isdigit())


def _is_entry(data: object) -> bool:
    """Whether a server may store ``data`` (text: of a client that decodes), be it readable or
    not."""
    return isinstance(data, bytes | str)


def is_lock_token(data: bytes) -> bool:
    """Whether ``data`` may be what a redis-py Lock stores: 32 hexadecimal digits.

    Locks live under the cache keys themselves, so reading one is a miss, but nothing is broken and
    it must not be removed.
    """
    return len(data) == 32 and _HEXADECIMAL.issuperset(data)


class Codec:
    """``encode(key, value)`` and ``decode(key, data)`` for one cache.

    The first serializer and compressor write; all of them read. ``report`` is told of every value
    that cannot be read, which then is ``MISSING``.

    Without a sealer the bytes must tell which of several formats they are. With one they need not:
    a value is sealed under the names of the pair that wrote it, and is read by that pair alone.
    Else who can write to the server, and knows a value of one format whose bytes mean something
    in another, could have it read as that.
    """

    encode: Encode
    decode: Decode
    #: ``decode`` for the replies of a batch; None and exceptions among them are MISSING.
    decode_many: DecodeMany
    #: ``encode`` for what a server finds by its bytes: elements of lists, to be removed.
    encode_element: Encode
    #: The same for members of sets. What is longer than ``min_length`` is always a frame, as with
    #: django-redis, so that a member is one member for workers of both packages.
    encode_member: Encode
    #: The same for members of sorted sets, where ints are serialized too, as django-redis does.
    encode_scored: Encode

    def __init__(
        self,
        serializers: Sequence[Serializer],
        compressors: Sequence[Compressor] = (),
        sealer: Sealer | None = None,
        *,
        compress: bool = True,
        report: Report,
        bound: Bound | None = None,
    ) -> None:
        self.serializers = tuple(serializers)
        self.compressors = tuple(compressors)
        writer = self.compressors[0] if self.compressors and compress else None
        #: As the values that this codec writes are sealed.
        self.sealer = sealer and sealer.bind(_formats(self.serializers[0], writer))
        sealer = self.sealer
        self.compress = compress
        #: What may speak of a value, and not of who reads or writes it: see ``blame``.
        self.errors = own_errors(
            (*self.serializers, *self.compressors, *((sealer,) if sealer is not None else ()))
        )
        # ``compress=False``: the identity compressor writes, the compressors only read.
        pack = _packer(compressors, compress)
        self.report = report
        dumps = self.serializers[0].dumps
        frame = _packer(compressors, compress, always=True)
        self.encode = self.encode_element = _encoder(dumps, pack, sealer, self.errors)
        #: How many values are encoded by ``encode`` as it is here; a subclass may replace that.
        self._together: tuple[Encode, EncodeMany] | None = None
        if pack is None and sealer is None:
            self._together = self.encode, _together(self.encode, dumps, self.errors)
        self.encode_member = _encoder(dumps, frame, sealer, self.errors)
        self.encode_scored = _encoder(dumps, frame, sealer, self.errors, plain=None)
        if sealer is not None and not sealer.deterministic:
            self.encode_element = self.encode_member = self.encode_scored = _refuser(sealer.name)
        loads: Callable[..., Any]
        if sealer is None:
            loads = _stages(_loader(self.serializers, self.errors), _unpacker(compressors))
        else:
            loads = _opener(sealer, self.serializers, self.compressors, writer, self.errors)
        self._loads: Callable[..., Any] = loads
        keyed = sealer is not None
        self.decode, self.decode_many = _decoders(loads, report, self.errors, keyed=keyed)
        #: None where nothing is compressed, which then is not counted either.
        self.bound = bound if self.compressors else None
        if self.bound is not None:
            many = self.decode_many
            self.decode_many = lambda keys, replies: many(keys, self.counted(replies))

    def with_serializers(
        self, serializers: Sequence[Serializer], report: Report | None = None
    ) -> Codec:
        """The same codec on other serializers, for a client that stores more than the value."""
        return Codec(
            serializers,
            self.compressors,
            self.sealer,
            compress=self.compress,
            report=report or self.report,
            bound=self.bound,
        )

    def encode_many(self, keys: Sequence[str], values: Sequence[Any]) -> list[bytes]:
        """``encode`` for many values, each with its key."""
        encode = self.encode
        if self._together is not None and self._together[0] is encode:
            return self._together[1](keys, values)
        return [encode(key, value) for key, value in zip(keys, values, strict=True)]

    def counted(self, items: Iterable[T]) -> Iterable[T]:
        """``items`` of one call, each to be decoded before the next is taken; ``CallTooLarge``
        where they unpack to more than a call may. For whoever decodes many one by one."""
        return items if self.bound is None else self.bound.counted(items)

    def recoded(self, key: str, data: bytes) -> bytes:
        """``data`` as it would be written now; ``data`` itself where it has that format already.

        The format is told by what can read it, not by encoding anew and comparing: a set, for one,
        pickles to other bytes in every process. A sealer that seals to other bytes each time does
        not tell whether it sealed with today's key, so there every value is sealed anew.

        Raises whatever reading raises, and ``SerializationError`` where the format that is written
        now cannot hold the value.
        """
        if reads_as_int(data):
            return data
        writer = self.compressors[0] if self.compressors and self.compress else None
        serializers, compressors, payload = self.serializers, self.compressors, data
        if self.sealer is not None:
            sealed_now = self._sealed_now(key, data)
            if sealed_now is None:
                return self.encode(key, self._loads(key, data))
            payload, serializers = sealed_now, serializers[:1]
            compressors = (writer,) if writer else ()
        frame = next((one for one in compressors if one.recognises(payload)), None)
        plain = payload if frame is None else frame.decompress(payload)
        value, serializer = _load(serializers, plain, self.errors)
        packed = frame is writer
        if frame is None and writer is not None:  # as it is where that is less
            packed = len(plain) <= writer.min_length or len(writer.compress(plain)) >= len(plain)
        if serializer is self.serializers[0] and packed:
            return data
        return self.encode(key, value)

    def _sealed_now(self, key: str, data: bytes) -> bytes | None:
        """What is sealed in ``data``; None if it surely, or perhaps, would be sealed otherwise."""
        sealer = self.sealer
        if sealer is None or not sealer.deterministic:
            return None
        try:
            payload = sealer.unseal(key, data)
        except SealError:
            return None
        return payload if sealer.seal(key, payload) == data else None


def _packer(
    compressors: Sequence[Compressor], compress: bool, *, always: bool = False
) -> Callable[[bytes], bytes] | None:
    if not compressors or not compress:
        return None
    writer = compressors[0]
    shrink, min_length = writer.compress, writer.min_length

    def pack(data: bytes) -> bytes:
        if len(data) > min_length:
            frame = shrink(data)
            if always or len(frame) < len(data):
                return frame
        # What is stored plain must not look like a frame to the reader.
        for compressor in compressors:
            if compressor.recognises(data):
                return shrink(data)
        return data

    return pack


def _unpacker(compressors: Sequence[Compressor]) -> Callable[[bytes], bytes] | None:
    if not compressors:
        return None

    def unpack(data: bytes) -> bytes:
        for compressor in compressors:
            if compressor.recognises(data):
                plain = compressor.decompress(data)
                if watching:
                    unpacked.bytes += len(plain)
                return plain
        return data

    return unpack


def _loader(serializers: Sequence[Serializer], own: Errors) -> Callable[[bytes], Any]:
    if len(serializers) == 1:
        return serializers[0].loads
    return lambda data: _load(serializers, data, own)[0]


def _load(serializers: Sequence[Serializer], data: bytes, own: Errors) -> tuple[Any, Serializer]:
    """The value, and which of several serializers reads it."""
    if len(serializers) == 1:
        return serializers[0].loads(data), serializers[0]
    error: Exception | None = None
    for serializer in serializers:
        if serializer.recognises(data):
            try:
                return serializer.loads(data), serializer
            except own as failed:
                if not speaks_of_a_value(failed, own):
                    raise
                error = error or failed
    raise error or ValueError("no serializer recognises the value")


def _encoder(
    dumps: Callable[[Any], bytes],
    pack: Callable[[bytes], bytes] | None,
    sealer: Sealer | None,
    own: Errors,
    plain: type[int] | None = int,
) -> Encode:
    seal = sealer.seal if sealer else None

    def encode(key: str, value: Any) -> bytes:
        try:
            if value.__class__ is plain:
                return b"%d" % value
            data = dumps(value)
        except own as error:
            if not speaks_of_a_value(error, own):
                raise
            meant = unwrapped(value)
            if meant is not value:
                return encode(key, meant)
            raise SerializationError(
                f"The value for {key!r}, of type {type(value).__name__}, cannot be stored: {error}"
            ) from error
        if pack is not None:
            data = pack(data)
        if seal is not None:
            data = seal(key, data)
        if data[:1] < b":" and reads_as_int(data):
            if isinstance(value, int):
                # JSON's digits are these; msgpack's for 48 to 57 are those of another int. What is
                # an int of another class has come here because its serializer drops that.
                return b"%d" % unwrapped(value)
            raise SerializationError(
                f"The value for {key!r}, of type {type(value).__name__}, serializes to digits "
                "only, which would be read back as an int."
            )
        return data

    return encode


_class = attrgetter("__class__")


def _together(encode: Encode, dumps: Callable[[Any], bytes], own: Errors) -> EncodeMany:
    def encode_many(keys: Sequence[str], values: Sequence[Any]) -> list[bytes]:
        try:
            if int not in set(map(_class, values)):  # of what a lazy object stands for
                found = [*map(dumps, values)]
            else:
                found = [b"%d" % one if one.__class__ is int else dumps(one) for one in values]
            if min(found, default=b":") >= b":":
                return found
        except own as error:
            if not speaks_of_a_value(error, own):
                raise
            # Whose it is, and whether there is another way, is found one by one.
            return [encode(key, value) for key, value in zip(keys, values, strict=True)]
        return [
            data if value.__class__ is int or data >= b":" else encode(key, value)
            for key, value, data in zip(keys, values, found, strict=True)
        ]

    return encode_many


def _refuser(sealer: str) -> Encode:
    def refuse(key: str, value: Any) -> bytes:
        raise SerializationError(
            f"The value for {key!r} cannot be a member of a set: the sealer {sealer!r} seals it to "
            "other bytes each time, so it would never be found again. Use a hash or a list, or a "
            "cache with another sealer."
        )

    return refuse


def _stages(
    loads: Callable[[bytes], Any], unpack: Callable[[bytes], bytes] | None
) -> Callable[[bytes], Any]:
    """From what was serialized, and perhaps compressed, to the value."""
    if unpack is None:
        return loads
    return lambda data: loads(unpack(data))


def _formats(serializer: Serializer, compressor: Compressor | None) -> str:
    return f"{serializer.name}+{compressor.name if compressor else 'identity'}"


def _opener(
    sealer: Sealer,
    serializers: Sequence[Serializer],
    compressors: Sequence[Compressor],
    writer: Compressor | None,
    own: Errors,
) -> Callable[[str, bytes], Any]:
    """From sealed bytes to the value, by the pair that wrote it. The pair of today comes first,
    and is nearly always the one."""
    others = [compressor for compressor in (*compressors, None) if compressor is not writer]
    ways = [
        (
            sealer.bind(_formats(serializer, compressor)).unseal,
            _stages(serializer.loads, _unpacker((compressor,) if compressor else ())),
        )
        for compressor in (writer, *others)
        for serializer in serializers
    ]
    if len(ways) == 1:
        ((unseal, read),) = ways
        return lambda key, data: read(unseal(key, data))

    def opened(key: str, data: bytes) -> Any:
        error: Exception | None = None
        for unseal, read in ways:
            try:
                plain = unseal(key, data)
            except SealError as refused:
                error = error or refused
                continue
            try:
                return read(plain)
            except own as failed:  # a sealer that lets through what nobody sealed
                if not speaks_of_a_value(failed, own):
                    raise
                error = failed
        raise error or SealError("no pair of formats is configured")

    return opened


def _decoders(
    loads: Callable[..., Any], report: Report, own: Errors, *, keyed: bool
) -> tuple[Decode, DecodeMany]:
    # Digits and "-" are the only first bytes below ":" (58) that an int has; a comparison of one
    # byte spares the other values the rest of the question.
    def decode(key: str, data: bytes) -> Any:
        try:
            if data[0] < 58 and reads_as_int(data):
                return int(data)
            return loads(key, data) if keyed else loads(data)
        except own as error:
            if not speaks_of_a_value(error, own) or not _is_entry(data):
                raise  # not of an entry, but of a reply that is none
            report(key, data, error)
            return MISSING

    # The same once more and not by calling it: a call costs a third of what a short value does.
    def decode_many(keys: Sequence[str], replies: Iterable[Any]) -> list[Any]:
        values: list[Any] = []
        add, rest = values.append, iter(keys)
        if replies.__class__ is list and len(replies) == len(keys):
            try:  # all of them are there, and none is an int
                if min(replies) >= b":":
                    if keyed:
                        return [loads(key, data) for key, data in zip(keys, replies, strict=True)]
                    return [*map(loads, replies)]
            except own as error:
                if not speaks_of_a_value(error, own):
                    raise
        for key, data in zip(rest, replies, strict=True):
            if data is None:
                add(MISSING)
                continue
            try:
                if data[0] < 58 and reads_as_int(data):
                    add(int(data))
                else:
                    add(loads(key, data) if keyed else loads(data))
            except own as error:
                if not speaks_of_a_value(error, own):
                    raise
                if not isinstance(data, Exception):  # its server's trouble is told elsewhere
                    if not _is_entry(data):
                        raise  # as in ``decode``
                    report(key, data, error)
                # Where it came right after ``add``, which cannot be told, there is one too many.
                del values[len(keys) - length_hint(rest) - 1 :]
                add(MISSING)
        return values

    return decode, decode_many
