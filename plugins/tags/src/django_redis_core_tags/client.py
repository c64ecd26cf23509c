"""Entries bear tags, and a tag that is invalidated forgets them all."""

from __future__ import annotations

from .committing import Committing
from .options import OPTIONS


class TagsClient(Committing):
    """An entry is stored with tags and their generations, and is there while they are the same.
    ``invalidate_tags`` ends a generation; no entry is looked for."""

    name = "tags"
    options = OPTIONS
