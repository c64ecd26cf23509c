"""Which family a key is of, by the patterns of an option: a label has few values, and keys many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from typing import Any, Final

#: A key that no pattern fits, and a call for keys of several families.
OTHER: Final = "other"
SEVERAL: Final = "several"

#: Each family multiplies the series of a cache.
AT_MOST: Final = 50

_WORDS: Final = (
    'a dict of families and their patterns, such as {"user": "user:*", "page": ["page:*", "menu"]}'
    ', or a list of patterns, such as ["user:*", "page:*"]'
)


class Families:
    """The patterns, the first that fits a key wins."""

    def __init__(self, patterns: Mapping[str, Iterable[str]]) -> None:
        self._names = tuple(patterns)
        groups = (
            f"(?P<f{number}>{'|'.join(map(translate, several))})"
            for number, several in enumerate(patterns.values())
        )
        self._match = re.compile("|".join(groups)).match

    def of(self, keys: Iterable[Any]) -> str:
        """The family of a call with these keys; empty where there are none."""
        found = ""
        for key in keys:
            match = self._match(str(key))
            family = OTHER
            if match is not None and match.lastgroup is not None:
                family = self._names[int(match.lastgroup[1:])]
            if found and family != found:
                return SEVERAL
            found = family
        return found


def families(value: Any) -> Families:
    """A check: see ``_WORDS``."""
    if isinstance(value, list | tuple):
        value = {one: one for one in value if isinstance(one, str)} if _all_str(value) else None
    if not isinstance(value, Mapping) or not value or not _all_str(value):
        raise ValueError(_WORDS)
    patterns = {name: [one] if isinstance(one, str) else one for name, one in value.items()}
    if not all(isinstance(some, list | tuple) and _all_str(some) for some in patterns.values()):
        raise ValueError(_WORDS)
    if len(patterns) > AT_MOST:
        raise ValueError(f"{_WORDS}; of {AT_MOST} families at most, for each has series of its own")
    taken = {OTHER, SEVERAL} & set(patterns)
    if taken:
        raise ValueError(f"{_WORDS}; {taken.pop()!r} is what the plugin itself calls the rest")
    return Families(patterns)


def _all_str(values: Iterable[Any]) -> bool:
    several = list(values)
    return bool(several) and all(isinstance(one, str) and one for one in several)
