"""Functions of equal names in different scopes, as django-cache-memoize's tests import them."""

import functools

from cache_memoize import cache_memoize


def through(function):
    @functools.wraps(function)
    def decorated():
        return function()

    return decorated


def func_factory():
    @cache_memoize(10)
    def func():
        return "made"

    return func


class DummyClass:
    @cache_memoize(10)
    def func():
        return "of a class"

    @cache_memoize(10)
    @through
    def decorated_func():
        return "decorated, of a class"

    @cache_memoize(10)
    @through
    def another_decorated_func():
        return "decorated, another of a class"


@cache_memoize(10)
def func():
    return "of the module"


@cache_memoize(10)
@through
def decorated_func():
    return "decorated"


@cache_memoize(10)
@through
def another_decorated_func():
    return "decorated, another"
