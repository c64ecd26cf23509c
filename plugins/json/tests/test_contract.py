from django_redis_core.testing import SerializerContract


class TestJSON(SerializerContract):
    name = "json"
    keeps = frozenset({"nan", "infinity", "int of 100 digits"})
    changes = {
        "tuple": [1, ["x", None]],
        "namedtuple": [1, 2.5],
        "datetime": "2026-07-09T12:30:05.123Z",
        "date": "2026-07-09",
        "timedelta": "P1DT00H00M00.000001S",
        "Decimal": "10.50",
        "UUID": "12345678-1234-5678-1234-567812345678",
        "int key": {"1": "x"},
        "None key": {"null": "x"},
        "int subclass inside": [53],
    }
