"""The names of ``a`` in another module."""

from cache_memoize import cache_memoize

from .a import through


class DummyClass:
    @cache_memoize(10)
    def func():
        return "of b's class"

    @cache_memoize(10)
    @through
    def decorated_func():
        return "decorated, of b's class"


@cache_memoize(10)
def func():
    return "of b"


@cache_memoize(10)
@through
def decorated_func():
    return "decorated, of b"
