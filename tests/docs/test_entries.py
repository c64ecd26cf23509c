"""Every name that a public room exports has its entry in the reference, and says what it means."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import griffe
import pytest

from .conftest import ROOT, read

sys.path.insert(0, str(ROOT / "docs"))
try:
    import docstrings
    import entries
finally:
    sys.path.remove(str(ROOT / "docs"))

PAGES = sorted(ROOT.glob("docs/api/*.md"))

#: Rooms as the contract on imports has them; the kit's are modules of one.
ROOMS = set(
    re.findall(r'"\*\* -> django_redis_core(?:\.(\w+))?"', read("pyproject.toml")),
)


def built() -> dict[str, int]:
    """The paths that have entries, and how many."""
    found: dict[str, int] = {}
    for page in PAGES:
        text = entries.with_entries(page.read_text(encoding="utf-8"))
        assert "<!--" not in text, page.name
        for path in re.findall(r"^::: (\S+)$|^### (\w+)$", text, re.M):
            name = path[0] or path[1]
            found[name] = found.get(name, 0) + 1
    return found


def public() -> Iterator[tuple[str, griffe.Object | griffe.Alias]]:
    """What the public rooms export, and the members of those classes that are not private."""
    for room, listed in entries.rooms().items():
        for name in listed:
            path = ".".join(filter(None, (room, name)))
            thing = entries.package()[path]
            yield path, thing
            if not docstrings.is_foreign(thing) and thing.is_class:
                for own in thing.members.values():
                    shown = not own.name.startswith(("_", "test_"))
                    called = own.is_function or "property" in own.labels
                    if shown and not own.is_alias and called:
                        yield f"{path}.{own.name}", own


PUBLIC = dict(public())


def test_the_rooms_of_the_reference_are_the_public_ones() -> None:
    assert {room.partition(".")[0] for room in entries.rooms()} - {"_plugins"} == ROOMS


def test_every_public_name_has_one_entry() -> None:
    found = built()
    wanted = {
        name if docstrings.is_foreign(PUBLIC[path]) else f"django_redis_core.{path}"
        for room, listed in entries.rooms().items()
        for name in listed
        for path in [f"{room}.{name}".removeprefix(".")]
    }
    assert {path: count for path, count in found.items() if count > 1} == {}
    assert set(found) == wanted


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_name_says_what_it_means(path: str) -> None:
    thing = PUBLIC[path]
    if docstrings.is_foreign(thing):
        return  # another library's, and its entry says whose
    assert thing.docstring, f"{path} has no docstring"
    assert len(thing.docstring.value.split()) > 2, f"{path}: {thing.docstring.value}"


def test_a_name_that_is_exported_anew_has_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no page names it: the generator needs no line for it."""
    rooms = entries.rooms()
    rooms["commands"] = [*rooms["commands"], "numbers_of_tomorrow"]
    monkeypatch.setattr(entries, "rooms", lambda: rooms)
    monkeypatch.setattr(entries, "entry", lambda room, name: f"::: {room}.{name}\n")
    text = entries.with_entries(read("docs/api/commands.md"))
    assert text.endswith("## More\n\n::: commands.numbers_of_tomorrow\n\n"), text[-200:]


def test_a_page_cannot_name_what_no_room_exports() -> None:
    with pytest.raises(ValueError, match="connections does not export Nod"):
        entries.with_entries("<!-- reference: connections: Nod Topology -->\n")


def test_docstrings_become_markdown() -> None:
    links = docstrings.Links(entries.package())
    retire = entries.package()["connections.node.Node.retire"]
    text = "See ``Topology.after``, ``reason`` and ``call``: https://example.org/ says::"
    text += "\n\n    a = 1\n"
    assert links.markdown(text, retire) == (
        "See [`Topology.after`][django_redis_core.connections.Topology.after], `reason` and "
        "[`call`][django_redis_core.connections.Node.call]: <https://example.org/> says:\n\n"
        "```python\na = 1\n```\n\n"
    )


def test_what_a_class_has_of_bases_without_an_entry_is_in_its_own() -> None:
    """As far as authors meet it, and without the operations, which have a page."""
    shown = {
        name: set(re.findall(r"'(\w+)'", entries.entry(room, name)))
        for room, name in [
            ("interfaces", "Client"),
            ("testing", "ConnectionFactoryContract"),
            ("connections", "SingleServer"),
        ]
    }
    assert shown["Client"] == {"milliseconds", "recoded", "resealed", "unwrap", "wrap"}
    assert shown["ConnectionFactoryContract"] >= {"cache", "limits", "location", "make", "options"}
    assert shown["SingleServer"] == set(), "its base has one"
