from django_redis_core.testing import SealerContract


class TestSigned(SealerContract):
    name = "signed"


class TestSignedWithItsOwnKey(SealerContract):
    name = "signed"
    options = {"key": "k" * 32, "salt": "shop"}
    other_options = {"key": "K" * 32}


class TestSignedBeforeARotation(SealerContract):
    name = "signed"
    options = {"key": [b"n" * 32, b"o" * 32], "accept_unsigned_until": "2020-01-01T00:00:00Z"}
    other_options = {"key": b"x" * 32}
