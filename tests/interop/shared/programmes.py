"""Programmes: calls as a site might make them, at random and the same for each seed.

A step is ``(method, args, kwargs)``, as ``wire.outcomes`` takes it. Times are either over or far
ahead, so that what is left of them is the same whenever the other package looks.
"""

import random
import time
from datetime import UTC, datetime, timedelta

from samples import ANY, keeps

KEYS = ["a", "b", "c", "a:b", "ü", "k[1]", "{t}x"]
FIELDS = ["f", "g", "ü"]
MEMBERS = [0, 1, -1, "m", "n", None, True, 1.5, (1, 2), b"x", 2**70]
NUMBERS = [0, 5, -3, 2**40, 7, 100, 2**64, None, "text", "7", 1.5, [1]]
PATTERNS = ["*", "a*", "?", "k[[]*", "[ab]", "zz*", "a:b", r"\{t\}*", "{t}*", "k[1]", "ü"]
SCORES = [0, 1, 2.5, -3, 1e20, float("inf"), 7]
BOUNDS = ["-inf", "+inf", 0, 1, "(1", 2.5, -3]
TIMEOUTS = [None, 0, -1, 50, 100.5, 1000, 86400 * 400]


class Programme:
    def __init__(self, seed, release):
        self.random = random.Random(seed)
        self.values = [value for value in ANY if keeps(release, value)]
        now = int(time.time())
        self.moments = [
            *(now - 10, now + 500, 0, now + 100.5),
            datetime.fromtimestamp(now + 700),  # noqa: DTZ006 - local time, as both take it
            datetime.fromtimestamp(now + 700, UTC),
        ]

    def steps(self, family, count):
        return [getattr(self, family)() for _ in range(count)]

    # What steps are made of

    def one(self, choices):
        return self.random.choice(choices)

    def some(self, choices, least=0, most=3):
        return [self.one(choices) for _ in range(self.random.randint(least, most))]

    def any_of(self, *steps):
        """One of several steps: functions, so that only that one draws."""
        return self.one(steps)()

    def key(self):
        return self.one(KEYS)

    def version(self):
        return self.one([{}, {}, {}, {"version": 1}, {"version": 2}, {"version": "x"}])

    def timeout(self):
        return self.one([{}, {"timeout": self.one(TIMEOUTS)}]) | self.version()

    def data(self, values):
        return {key: self.one(values) for key in self.some(KEYS, most=4)}

    # Families

    def strings(self):
        key, value = self.key(), self.one(self.values)
        condition = self.one([{}, {}, {"nx": True}, {"xx": True}])
        return self.any_of(
            lambda: ("get", (key,), self.version()),
            lambda: ("get", (key, "default"), self.version()),
            lambda: ("set", (key, value), self.timeout() | condition),
            lambda: ("set", (key, value), self.timeout() | condition),
            lambda: ("add", (key, value), self.timeout()),
            lambda: ("get_or_set", (key, value), self.timeout()),
            lambda: ("delete", (key,), self.version() | self.one([{}, {"prefix": "nobody"}])),
            lambda: ("has_key", (key,), self.version()),
            lambda: ("__contains__", (key,), {}),
            lambda: ("get_many", (self.some(KEYS),), self.version()),
            lambda: ("set_many", (self.data(self.values),), self.timeout()),
            lambda: ("delete_many", (self.some(KEYS),), self.version()),
        )

    def counters(self):
        key, by = self.key(), self.one([(), (1,), (5,), (-2,), (0,), (2**40,), (1.5,), (True,)])
        lives = self.one([{}, {"timeout": None}, {"timeout": 100}])
        return self.any_of(
            lambda: ("set", (key, self.one(NUMBERS)), lives | self.version()),
            lambda: ("set", (key, self.one(NUMBERS)), lives | self.version()),
            lambda: ("incr", (key, *by), self.version()),
            lambda: ("decr", (key, *by), self.version()),
            lambda: ("incr", (key, 3), self.version() | {"ignore_key_check": True}),
            lambda: (
                self.one(["incr_version", "decr_version"]),
                (key, *self.one([(), (2,), (-1,)])),
                self.one([{}, {"version": 1}, {"version": 2}]),
            ),
            lambda: (self.one(["get", "ttl", "pttl"]), (key,), self.version()),
        )

    def expiry(self):
        key, ahead = self.key(), timedelta(seconds=70)
        seconds = self.one([0, -1, 50, 1000, ahead, 100.5, None])
        milliseconds = self.one([0, -1, 50_000, 100_000, ahead, 50_000.5, None])
        moment = self.one(self.moments)
        in_milliseconds = moment if isinstance(moment, datetime) else int(moment) * 1000
        return self.any_of(
            lambda: ("set", (key, "value"), self.timeout()),
            lambda: ("set_many", ({key: 1},), self.timeout()),
            lambda: (self.one(["ttl", "pttl"]), (key,), self.version()),
            lambda: ("touch", (key,), self.timeout()),
            lambda: ("persist", (key,), self.version()),
            lambda: ("expire", (key, seconds), self.version()),
            lambda: ("pexpire", (key, milliseconds), self.version()),
            lambda: ("expire_at", (key, moment), self.version()),
            lambda: ("pexpire_at", (key, in_milliseconds), self.version()),
            lambda: ("get", (key,), self.version()),
        )

    def scanning(self):
        pattern, page = self.one(PATTERNS), self.one([{}, {"itersize": 3}])
        return self.any_of(
            lambda: ("set_many", (self.data([1]),), self.version()),
            lambda: ("set", (self.key(), 1), {}),
            lambda: ("keys", (pattern,), self.version()),
            lambda: ("iter_keys", (pattern,), self.version() | page),
            lambda: (
                "delete_pattern",
                (pattern,),
                self.version() | page | self.one([{}, {"prefix": "nobody"}]),
            ),
        )

    def other_type(self, version):
        """Calls that an entry of another type refuses, or that any type takes."""
        methods = ["get", "incr", "scard", "hkeys", "zcard", "smembers", "ttl", "has_key", "delete"]
        return (self.one([*methods, "touch"]), (self.key(),), version)

    def sets(self):
        key, version = self.key(), self.one([{}, {}, {"version": 2}])
        keys, members = self.some(KEYS, 1), self.some(MEMBERS, 1)
        return self.any_of(
            lambda: ("sadd", (key, *members), version),
            lambda: ("sadd", (key, *members), version),
            lambda: ("sadd", (key, *members), version),
            lambda: ("scard", (key,), version),
            lambda: (self.one(["sdiff", "sinter", "sunion"]), tuple(keys), version),
            lambda: (self.one(["sinterstore", "sunionstore"]), (key, *keys), version),
            lambda: (
                "sdiffstore",
                (key, *keys),
                self.one([{}, {"version_keys": 2}, {"version_dest": 2}]),
            ),
            lambda: ("sismember", (key, members[0]), version),
            lambda: ("smismember", (key, *members), version),
            lambda: ("smembers", (key,), version),
            lambda: ("smove", (key, keys[0], members[0]), {}),
            lambda: ("spop", (key, 100), version),
            lambda: ("srandmember", (key, 100), version),
            lambda: ("srem", (key, *members), version),
            lambda: (self.one(["sscan", "sscan_iter"]), (key,), version | {"count": 1000}),
            lambda: ("set", (key, "text"), version),
            lambda: self.other_type(version),
        )

    def hashes(self):
        key, version = self.key(), self.one([{}, {}, {"version": 2}])
        field, value = self.one(FIELDS), self.one([0, 1, "v", 1.5, True, [1]])
        mapping = {name: self.one([1, "x", None]) for name in self.some(FIELDS, most=2)}
        return self.any_of(
            lambda: ("hset", (key, field, value), version),
            lambda: ("hset", (key, field, value), version | {"mapping": mapping}),
            lambda: ("hset", (key,), version | {"mapping": mapping}),
            lambda: ("hdel", (key, field), version),
            lambda: ("hlen", (key,), version),
            lambda: ("hkeys", (key,), version),
            lambda: ("hexists", (key, field), version),
            lambda: self.other_type(version),
        )

    def sorted_sets(self):
        key, version = self.key(), self.one([{}, {}, {"version": 2}])
        members, places = self.some(MEMBERS, 1), (self.one(range(-3, 3)), self.one(range(-3, 3)))
        scores = {member: self.one(SCORES) for member in members}
        ends, shown = (self.one(BOUNDS), self.one(BOUNDS)), self.one([{}, {"withscores": True}])
        page = self.one([{}, {}, {"start": 0, "num": 1}, {"start": 1, "num": -1}, {"start": 0}])
        rules = [{}, {}, *({name: True} for name in ("nx", "xx", "ch", "gt", "lt"))]
        rules += [{"nx": True, "xx": True}, {"gt": True, "lt": True}, {"nx": True, "gt": True}]
        return self.any_of(
            lambda: ("zadd", (key, scores), version | self.one(rules)),
            lambda: ("zadd", (key, scores), version | self.one(rules)),
            lambda: ("zadd", (key, scores), version | self.one(rules)),
            lambda: ("zadd", (key, {members[0]: 2}), version | {"incr": True} | self.one(rules)),
            lambda: ("zadd", (key, {}), version),
            lambda: ("zcard", (key,), version),
            lambda: ("zcount", (key, *ends), version),
            lambda: ("zincrby", (key, self.one(SCORES), members[0]), version),
            lambda: (
                self.one(["zpopmax", "zpopmin"]),
                (key, *self.one([(), (1,), (2,), (0,)])),
                version,
            ),
            lambda: ("zrange", (key, *places), version | shown | self.one([{}, {"desc": True}])),
            lambda: ("zrevrange", (key, *places), version | shown),
            lambda: ("zrangebyscore", (key, *ends), version | shown | page),
            lambda: ("zrevrangebyscore", (key, *ends), version | shown | page),
            lambda: ("zrank", (key, members[0]), version | self.one([{}, {"withscore": True}])),
            lambda: ("zrem", (key, *members), version),
            lambda: ("zremrangebyscore", (key, *ends), version),
            lambda: ("zscore", (key, members[0]), version),
            lambda: self.other_type(version),
        )
