"""What the server does in one step, because two workers must not both do it.

Each script judges the entry by the envelope of ``envelope.py``. What it cannot judge, a pickle
that may be django-redis' tuple, it leaves alone and answers ``UNKNOWN``.
"""

from __future__ import annotations

from typing import Any

from django_redis_core.commands import Script
from django_redis_core.interfaces import reads_as_int

UNKNOWN = -1


def _number(reply: Any) -> bool:
    return type(reply) is int


def _of_add(reply: Any) -> bool:
    if isinstance(reply, list):
        return len(reply) < 2 and all(isinstance(entry, bytes | None) for entry in reply)
    return reply is None or _number(reply) or (isinstance(reply, bytes) and reads_as_int(reply))


# ``tuples`` is '1' where an entry may be a tuple of django-redis. Such a one has an expiry in Redis
# and is longer than a lock's token of 32 digits. ``redis.pcall``: the key may hold a hash or a set.
_STATE = r"""
local function state(now, tuples)
  local head = redis.pcall('GETRANGE', KEYS[1], 0, 10)
  if type(head) == 'table' then return 'plain' end
  if head == '' then return redis.call('EXISTS', KEYS[1]) == 1 and 'plain' or 'absent' end
  local kind = string.sub(head, 1, 3)
  if kind == '\193hl' then return 'expired' end
  if kind == '\193hv' and #head == 11 then
    return struct.unpack('>d', head, 4) * 1000 > tonumber(now) and 'fresh' or 'expired'
  end
  if tuples == '1' and not string.match(head, '^%-?%d+$')
      and redis.call('STRLEN', KEYS[1]) > 32 and redis.call('PTTL', KEYS[1]) > 0 then
    return 'unknown'
  end
  return 'plain'
end
"""

#: ARGV: now, tuples, NX or XX, then SET's arguments. 1: stored; 0: the condition was not met.
SET_IF = Script(
    _STATE
    + r"""
local entry = state(ARGV[1], ARGV[2])
if entry == 'unknown' then return -1 end
local there = entry == 'fresh' or entry == 'plain'
if there ~= (ARGV[3] == 'XX') then return 0 end
redis.call('SET', KEYS[1], unpack(ARGV, 4))
return 1
""",
    _number,
)

#: ARGV: now, then SET's arguments. 1: stored in place of an entry that has expired; 0: it is gone,
#: or another one is there.
REPLACE = Script(
    _STATE
    + r"""
if state(ARGV[1], '0') ~= 'expired' then return 0 end
redis.call('SET', KEYS[1], unpack(ARGV, 2))
return 1
""",
    _number,
)

#: ARGV: now, tuples, the new envelope, the command, its time for an entry without an envelope and
#: for one with it. 0: absent; 1: there; 2: there, and had an expiry or has one now.
RETIME = Script(
    _STATE
    + r"""
local entry = state(ARGV[1], ARGV[2])
if entry == 'unknown' then return -1 end
if entry == 'absent' or entry == 'expired' then return 0 end
local time = ARGV[5]
if entry == 'fresh' then
  redis.call('SETRANGE', KEYS[1], 0, ARGV[3])
  time = ARGV[6]
end
if ARGV[4] == 'PERSIST' then return 1 + redis.call('PERSIST', KEYS[1]) end
return 1 + redis.call(ARGV[4], KEYS[1], time)
""",
    _number,
)

#: ARGV: now, the difference, then SET's arguments where the number may be created. Text: the new
#: number (a Lua number keeps 53 bits only); 1: created; nil: absent; a list: the entry as it is,
#: for the caller to add to.
ADD = Script(
    _STATE
    + r"""
local entry = state(ARGV[1], '0')
if entry == 'absent' or entry == 'expired' then
  if not ARGV[3] then return false end
  redis.call('SET', KEYS[1], unpack(ARGV, 3))
  return 1
end
if entry == 'plain' then
  local result = redis.pcall('INCRBY', KEYS[1], ARGV[2])
  if type(result) == 'table' then return {redis.call('GET', KEYS[1])} end
  return redis.call('GET', KEYS[1])
end
local digits, delta = redis.call('GETRANGE', KEYS[1], 11, 26), tonumber(ARGV[2])
if #digits > 15 or not string.match(digits, '^%-?%d+$')
    or delta % 1 ~= 0 or math.abs(delta) >= 2^52 then
  return {redis.call('GET', KEYS[1])}
end
local total = string.format('%.0f', tonumber(digits) + delta)
redis.call('SET', KEYS[1], redis.call('GETRANGE', KEYS[1], 0, 10) .. total, 'KEEPTTL')
return total
""",
    _of_add,
)

#: ARGV: the entry as it was seen, the new one, more arguments of SET. 1: it still was as seen.
SWAP = Script(
    """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], unpack(ARGV, 2))
return 1
""",
    _number,
)

#: ARGV: the envelope as it was seen, and the lease that replaces it. 1: the caller is elected.
#: SETRANGE leaves the value where it is, and the expiry that Redis knows.
ELECT = Script(
    """
if redis.call('GETRANGE', KEYS[1], 0, 10) ~= ARGV[1] then return 0 end
redis.call('SETRANGE', KEYS[1], 0, ARGV[2])
return 1
""",
    _number,
)
