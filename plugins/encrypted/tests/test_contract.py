from django_redis_core.testing import SealerContract


class TestEncrypted(SealerContract):
    name = "encrypted"
    library = "cryptography"


class TestEncryptedWithItsOwnKeys(SealerContract):
    name = "encrypted"
    options = {"keys": ["n" * 32, b"o" * 32], "salt": "shop"}
    other_options = {"keys": [b"x" * 32]}
