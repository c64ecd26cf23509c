"""The bytes of a signature, what it covers, and whose secrets make it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from django_redis_core.exceptions import SealError
from django_redis_core_signed.sealer import MAGIC, SignedSealer

KEY = ":1:k"
LONG = "a secret of its own, long enough"
SOON = timedelta(hours=1)


def test_what_is_stored() -> None:
    sealed = SignedSealer().seal(KEY, b"value")
    assert sealed[:3] == MAGIC == b"\xc1s\x01"
    assert sealed[19:] == b"value"


def test_the_signature_is_hmac_sha256_with_a_key_derived_from_the_secret() -> None:
    """So that the format cannot change unnoticed: entries outlive a deployment."""
    salt = hashlib.sha256(b"django_redis_core_signed" + LONG.encode()).digest()
    root = hmac.digest(salt, b"shop", "sha256")
    key = hmac.digest(root, b"json+zlib", "sha256")
    tag = hmac.digest(key, b"4::1:kvalue", "sha256")[:16]
    sealer = SignedSealer(key=LONG, salt="shop").bind("json+zlib")
    assert sealer.seal(KEY, b"value") == b"\xc1s\x01" + tag + b"value"


@pytest.mark.parametrize("key", [LONG, LONG.encode(), [LONG], (LONG.encode(), "x" * 40)])
def test_a_secret_is_text_or_bytes_alone_or_first_of_a_list(key: object) -> None:
    assert SignedSealer(key=key).seal(KEY, b"") == SignedSealer(key=LONG).seal(KEY, b"")


class TestSecrets:
    def test_a_fallback_reads_and_does_not_sign(self) -> None:
        with override_settings(SECRET_KEY="old"):
            sealed = SignedSealer().seal(KEY, b"value")
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["older", "old"]):
            assert SignedSealer().unseal(KEY, sealed) == b"value"
            assert SignedSealer().bind("a").unseal(KEY, sealed_by_old("a")) == b"value"
            written = SignedSealer().seal(KEY, b"value")
        with override_settings(SECRET_KEY="new"):
            assert SignedSealer().unseal(KEY, written) == b"value"
            with pytest.raises(SealError):
                SignedSealer().unseal(KEY, sealed)

    def test_the_first_of_a_list_signs_and_all_are_read(self) -> None:
        old, new = SignedSealer(key="o" * 32), SignedSealer(key=["n" * 32, "o" * 32])
        assert new.unseal(KEY, old.seal(KEY, b"value")) == b"value"
        assert new.seal(KEY, b"value") == SignedSealer(key="n" * 32).seal(KEY, b"value")
        with pytest.raises(SealError):
            old.unseal(KEY, new.seal(KEY, b"value"))

    def test_with_a_key_of_its_own_django_s_are_not_read(self) -> None:
        with pytest.raises(SealError):
            SignedSealer(key=LONG).unseal(KEY, SignedSealer().seal(KEY, b"value"))

    def test_another_salt_is_another_site(self) -> None:
        with pytest.raises(SealError):
            SignedSealer(salt="a").unseal(KEY, SignedSealer(salt="b").seal(KEY, b"value"))

    @pytest.mark.parametrize("key", ["short", b"x" * 31, [], [LONG, "short"], 5, {LONG}, ""])
    def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(self, key: object) -> None:
        with pytest.raises(ValueError, match="at least 32 random") as caught:
            SignedSealer(key=key)
        assert "short" not in str(caught.value)
        assert LONG not in str(caught.value)

    def test_a_salt_is_text(self) -> None:
        with pytest.raises(ValueError, match="salt must be a str"):
            SignedSealer(salt=b"shop")


def sealed_by_old(formats: str) -> bytes:
    with override_settings(SECRET_KEY="old"):
        return SignedSealer().bind(formats).seal(KEY, b"value")


class TestAcceptUnsignedUntil:
    def test_before_that_moment_it_is_read_and_after_it_refused(self) -> None:
        now = datetime.now(UTC)
        open_, closed = (
            SignedSealer(accept_unsigned_until=when) for when in (now + SOON, now - SOON)
        )
        assert open_.unseal(KEY, b"\x80\x05unsigned") == b"\x80\x05unsigned"
        assert open_.bind("pickle+zlib").unseal(KEY, b"unsigned") == b"unsigned"
        with pytest.raises(SealError, match="not signed"):
            closed.unseal(KEY, b"\x80\x05unsigned")

    def test_it_ends_while_the_process_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        until = datetime(2026, 7, 1, tzinfo=UTC)
        sealer = SignedSealer(accept_unsigned_until=until.isoformat())
        monkeypatch.setattr("time.time", lambda: until.timestamp() - 0.001)
        assert sealer.unseal(KEY, b"unsigned") == b"unsigned"
        monkeypatch.setattr("time.time", lambda: until.timestamp())
        with pytest.raises(SealError):
            sealer.unseal(KEY, b"unsigned")

    def test_a_wrong_signature_is_refused_all_the_same(self) -> None:
        sealer = SignedSealer(accept_unsigned_until=datetime.now(UTC) + SOON)
        for damaged in (sealer.seal("other", b"value"), MAGIC, MAGIC + bytes(16) + b"value"):
            with pytest.raises(SealError, match="signature"):
                sealer.unseal(KEY, damaged)

    @pytest.mark.parametrize("until", ["2026-07-31T12:00:00+02:00", "2026-07-31T10:00:00Z"])
    def test_text_has_its_offset(self, until: str) -> None:
        moment = datetime(2026, 7, 31, 10, tzinfo=UTC).timestamp()
        assert SignedSealer(accept_unsigned_until=until)._until == moment

    @pytest.mark.parametrize(
        "until",
        [
            "2026-07-31",
            "2026-07-31T12:00:00",
            datetime(2026, 7, 31),  # noqa: DTZ001 - naive is what is refused
            "soon",
            5,
            True,
        ],
    )
    def test_a_moment_that_depends_on_the_machine_is_refused(self, until: object) -> None:
        with pytest.raises(ValueError, match="must be an aware datetime"):
            SignedSealer(accept_unsigned_until=until)
