"""What promises are made with."""

import threading

#: All promises by name.
PROMISES = {}

JSON = "django_redis.serializers.json.JSONSerializer"
MSGPACK = "django_redis.serializers.msgpack.MSGPackSerializer"
GZIP = "django_redis.compressors.gzip.GzipCompressor"
ZLIB = "django_redis.compressors.zlib.ZlibCompressor"
LZMA = "django_redis.compressors.lzma.LzmaCompressor"


def promise(there):
    def keep(function):
        function.there = there
        PROMISES[function.__name__] = function
        return function

    return keep


def same(found, wanted):
    if found != wanted or type(found) is not type(wanted):
        raise AssertionError(f"{found!r}, not {wanted!r}")


def is_true(condition, words):
    if not condition:
        raise AssertionError(words)


def refused(call, *args, **kwargs):
    """That a call raises; what it raised."""
    try:
        answer = call(*args, **kwargs)
    except Exception as error:
        return error
    raise AssertionError(f"not refused: {answer!r}")


def at_once(count, work):
    """Runs ``work(number)`` in threads that start together; what they returned."""
    results, barrier = [None] * count, threading.Barrier(count)

    def run(number):
        barrier.wait()
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
