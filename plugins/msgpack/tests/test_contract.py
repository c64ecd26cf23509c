from django_redis_core.testing import SerializerContract


class TestMsgpack(SerializerContract):
    name = "msgpack"
    library = "msgpack"
    keeps = frozenset({"bytes", "nan", "infinity", "int key", "None key", "tuple key"})
    changes = {"tuple": [1, ["x", None]], "namedtuple": [1, 2.5], "int subclass inside": [53]}
