"""Where the benchmarks of a page write what they have seen."""

from __future__ import annotations

from pathlib import Path


def fill(page: Path, name: str, text: str) -> None:
    """Puts ``text`` between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``, in place of what
    stands there; SystemExit where there is no such place."""
    head, begin, rest = page.read_text(encoding="utf-8").partition(f"<!-- begin: {name} -->\n")
    _, end, tail = rest.partition(f"<!-- end: {name} -->\n")
    if not (begin and end):
        raise SystemExit(f"{page} has no place for {name}")
    page.write_text(f"{head}{begin}\n{text.strip()}\n\n{end}{tail}", encoding="utf-8")
