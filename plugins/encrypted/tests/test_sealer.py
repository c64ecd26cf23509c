"""The bytes of an encrypted value, its keys, and whose secrets make them."""

from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.test import override_settings

from django_redis_core.exceptions import SealError
from django_redis_core_encrypted import sealer as module
from django_redis_core_encrypted.sealer import EncryptedSealer

KEY = ":1:k"
LONG = "a secret of its own, long enough"
HOUR = 3600


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the sealer: its last item is the Unix time."""
    times = [500_000 * HOUR + 5.0]
    monkeypatch.setattr(module.time, "time", lambda: times[-1])
    return times


def test_what_is_stored_can_be_decrypted_by_its_description(at: list[float]) -> None:
    """So that the format cannot change unnoticed: entries outlive a deployment."""
    sealed = EncryptedSealer(keys=[LONG], salt="shop").bind("json+zlib").seal(KEY, b"value")
    hkdf = HKDF(SHA256(), 32, salt=None, info=b"django_redis_core_encrypted\0shop")
    root = hkdf.derive(LONG.encode())
    hour = (500_000).to_bytes(4, "big")
    assert sealed[:3] == b"\xc1e\x01"
    assert sealed[3:7] == hmac.digest(root, b"id", "sha256")[:4]
    assert sealed[7:11] == hour
    formats = hmac.digest(root, b"formats\0json+zlib", "sha256")
    cipher = AESGCM(hmac.digest(formats, hour, "sha256"))
    assert cipher.decrypt(sealed[11:23], sealed[23:], KEY.encode()) == b"value"
    assert len(sealed) == len(b"value") + 39


class TestHours:
    def test_each_has_a_key_of_its_own_and_all_are_read(self, at: list[float]) -> None:
        sealer = EncryptedSealer()
        sealed = []
        for _ in range(3):
            sealed.append(sealer.seal(KEY, b"value"))
            at.append(at[-1] + HOUR)
        assert [data[7:11] for data in sealed] == [
            hour.to_bytes(4, "big") for hour in (500_000, 500_001, 500_002)
        ]
        for reader in (sealer, EncryptedSealer()):
            assert [reader.unseal(KEY, data) for data in sealed] == [b"value"] * 3
        moved = sealed[0][:7] + sealed[1][7:11] + sealed[0][11:]
        with pytest.raises(SealError):
            sealer.unseal(KEY, moved)

    def test_a_clock_that_goes_back_does_no_harm(self, at: list[float]) -> None:
        sealer = EncryptedSealer()
        later = sealer.seal(KEY, b"later")
        at.append(at[-1] - 10 * HOUR)
        earlier = sealer.seal(KEY, b"earlier")
        assert earlier[7:11] == (499_990).to_bytes(4, "big")
        assert [sealer.unseal(KEY, data) for data in (later, earlier)] == [b"later", b"earlier"]

    def test_ciphers_at_hand_are_bounded_and_no_forger_fills_them(self, at: list[float]) -> None:
        sealer = EncryptedSealer()
        good = sealer.seal(KEY, b"value")
        ciphers = sealer._first.ciphers
        for hour in range(50):
            with pytest.raises(SealError):
                sealer.unseal(KEY, good[:7] + hour.to_bytes(4, "big") + good[11:])
        assert ciphers == {}
        for _ in range(module._HOURS + 5):
            assert sealer.unseal(KEY, sealer.seal(KEY, b"value")) == b"value"
            at.append(at[-1] + HOUR)
        assert 0 < len(ciphers) <= module._HOURS
        assert sealer.unseal(KEY, good) == b"value"


def test_nonces_differ() -> None:
    sealer = EncryptedSealer()
    assert len({sealer.seal(KEY, b"")[11:23] for _ in range(1000)}) == 1000


class TestSecrets:
    def test_a_fallback_decrypts_and_does_not_encrypt(self) -> None:
        with override_settings(SECRET_KEY="old"):
            sealed = EncryptedSealer().seal(KEY, b"value")
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["older", "old"]):
            assert EncryptedSealer().unseal(KEY, sealed) == b"value"
            written = EncryptedSealer().seal(KEY, b"value")
        with override_settings(SECRET_KEY="new"):
            assert EncryptedSealer().unseal(KEY, written) == b"value"
            with pytest.raises(SealError, match="a secret that this site does not have"):
                EncryptedSealer().unseal(KEY, sealed)

    def test_the_first_of_a_list_encrypts_and_all_decrypt(self) -> None:
        old, new = EncryptedSealer(keys=["o" * 32]), EncryptedSealer(keys=("n" * 32, b"o" * 32))
        assert new.unseal(KEY, old.seal(KEY, b"value")) == b"value"
        assert EncryptedSealer(keys=["n" * 32]).unseal(KEY, new.seal(KEY, b"value")) == b"value"
        with pytest.raises(SealError):
            old.unseal(KEY, new.seal(KEY, b"value"))

    def test_another_salt_is_another_site(self) -> None:
        with pytest.raises(SealError):
            EncryptedSealer(salt="a").unseal(KEY, EncryptedSealer(salt="b").seal(KEY, b"value"))

    @pytest.mark.parametrize("keys", [["short"], [b"x" * 31], [], [LONG, "short"], LONG, 5, {LONG}])
    def test_secrets_that_can_be_guessed_are_refused_and_not_shown(self, keys: object) -> None:
        with pytest.raises(ValueError, match="at least 32 random") as caught:
            EncryptedSealer(keys=keys)
        assert "short" not in str(caught.value)
        assert LONG not in str(caught.value)

    def test_a_salt_is_text(self) -> None:
        with pytest.raises(ValueError, match="salt must be a str"):
            EncryptedSealer(salt=b"shop")
