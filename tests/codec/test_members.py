"""Members of sets are found by their bytes, which are those of django-redis, also where compressing
makes them longer."""

import pickle
import zlib

from django_redis_core._codec.codec import Codec
from django_redis_core._plugins.defaults.pickle import PickleSerializer
from django_redis_core_zlib.compressor import ZlibCompressor


def never(key, data, error):
    raise error


CODEC = Codec([PickleSerializer()], [ZlibCompressor()], report=never)
PLAIN = pickle.dumps("text")


def test_a_value_that_gets_no_shorter_is_stored_plain_and_a_member_is_not():
    assert len(zlib.compress(PLAIN)) > len(PLAIN) > 15
    assert CODEC.encode("k", "text") == CODEC.encode_element("k", "text") == PLAIN
    assert CODEC.encode_member("k", "text") == zlib.compress(PLAIN)
    assert CODEC.encode_scored("k", "text") == zlib.compress(PLAIN)
    assert CODEC.decode("k", CODEC.encode_member("k", "text")) == "text"


def test_a_short_member_is_stored_plain():
    assert CODEC.encode_member("k", True) == pickle.dumps(True)
    assert CODEC.encode_member("k", 5) == b"5"
