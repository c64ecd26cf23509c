"""Names beside a key: of what is put together or taken apart there, on the same server and in the
same slot of a cluster."""

from __future__ import annotations

import secrets

#: The milliseconds for which what has such a name lives on, should nobody go on with it.
LIVES = 60_000


def beside(key: str, purpose: str) -> str | None:
    """A name that nobody else has; None where the key's braces allow none in its slot."""
    tag = _tag(key)
    return None if tag is None else f"{{{tag}}}:{purpose}:{secrets.token_hex(8)}"


def _tag(key: str) -> str | None:
    """What decides the slot of ``key`` in a cluster: its ``{tag}``, or all of it.

    https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
    """
    _, opened, rest = key.partition("{")
    tag, closed, _ = rest.partition("}")
    if opened and closed and tag:
        return tag
    return None if "}" in key else key  # within braces it would be cut there
