"""What a site can be told to do, on either side of the wire."""

import warnings

from django.contrib.sessions.backends.cache import SessionStore
from django.test import override_settings
from promises import PROMISES

_locks = {}


def keep(site, name):
    """Runs a promise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        PROMISES[name](site)


def calls(site, entry, steps):
    """Calls methods on one cache; the results, in which an iterator is a list. The entry's
    ``settings`` are the project's."""
    options = dict(entry)
    with warnings.catch_warnings(), override_settings(**options.pop("settings", {})):
        warnings.simplefilter("ignore")
        cache = site.cache(**options)
        results = []
        for method, args, kwargs in steps:
            result = getattr(cache, method)(*args, **kwargs)
            results.append(list(result) if hasattr(result, "__next__") else result)
    return results


def outcomes(site, entry, steps):
    """Calls methods on one cache. For each step ``("gave", result)`` or ``("raised", names)``,
    those of the error's class and of what it derives from; and then what is stored."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cache = site.cache(**entry)
        for method, args, kwargs in steps:
            try:
                result = getattr(cache, method)(*args, **kwargs)
                outcome = ("gave", list(result) if hasattr(result, "__next__") else result)
            except Exception as error:
                outcome = ("raised", [kind.__name__ for kind in type(error).__mro__])
            found.append((outcome, stored(site, entry["prefix"])))
    return found


def stored(site, prefix):
    """``{(server, key): (content, milliseconds left)}`` of all keys under a prefix."""
    found = {}
    for place, server in enumerate(site.others):
        read = {
            b"string": server.get,
            b"set": server.smembers,
            b"hash": server.hgetall,
            b"zset": lambda key, server=server: server.zrange(key, 0, -1, withscores=True),
        }
        for key in server.scan_iter(f"{prefix}:*", count=1000):
            kind = server.type(key)
            if kind in read:  # else it expired since
                found[place, key[len(prefix) :]] = (read[kind](key), server.pttl(key))
    return found


def session_stored(site, entry, data):
    """Stores a session and returns its key."""
    with site.named(**entry):
        session = SessionStore()
        session.update(data)
        session.create()
        session.save()
        return session.session_key


def session_read(site, entry, key):
    with site.named(**entry):
        return dict(SessionStore(session_key=key).items())


def acquire(site, entry, key, wait=0):
    """Tries a lock, for ``wait`` seconds."""
    lock = site.cache(**entry).lock(key, timeout=30)
    taken = lock.acquire(blocking=bool(wait), blocking_timeout=wait or None)
    if taken:
        _locks[entry["prefix"], key] = lock
    return taken


def release(site, entry, key):
    _locks.pop((entry["prefix"], key)).release()


def servers_of(site, keys):
    """The position of the shard of each key, as stored."""
    cache = site.cache(site.urls, CLIENT_CLASS="django_redis.client.ShardClient", prefix="ring")
    return [cache.client.get_server_name(cache.client.make_key(key)) for key in keys]


DEEDS = {
    "promise": keep,
    "calls": calls,
    "outcomes": outcomes,
    "session_stored": session_stored,
    "session_read": session_read,
    "acquire": acquire,
    "release": release,
    "servers_of": servers_of,
}
