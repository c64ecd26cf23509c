"""What can be set, with the defaults and units that the README repeats."""

from __future__ import annotations

from django_redis_core.interfaces import Option, one_of, seconds, text

NEVER, INVALIDATE, WRITES = "never", "invalidate", "writes"

OPTIONS = (
    Option(
        "TAGS_TIMEOUT",
        "tags_timeout",
        seconds,
        30 * 86400,
        doc="Seconds that the server remembers a tag after the last entry was stored with it, at "
        "least half of it, and never less than such an entry lives. A tag that is forgotten "
        "forgets its entries.",
    ),
    Option(
        "TAGS_ON_COMMIT",
        "tags_on_commit",
        one_of(NEVER, INVALIDATE, WRITES),
        INVALIDATE,
        doc="What waits for the end of an open database transaction, and is not done where that "
        "is rolled back: 'invalidate' is invalidate_tags, 'writes' also delete, delete_many, set "
        "and set_many, 'never' nothing. On asyncio nothing waits.",
    ),
    Option(
        "TAGS_DATABASE",
        "tags_database",
        text,
        "default",
        doc="The alias in DATABASES of the database whose transactions are meant.",
    ),
)
