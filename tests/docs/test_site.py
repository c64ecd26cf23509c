"""What the built pages have beside the text of the sources: drawings, facts, places by kind."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from typing import Any
from xml.etree import ElementTree

import pytest

from django_redis_core._plugins.catalogue import OURS
from django_redis_core._plugins.hookspecs import KINDS
from django_redis_core.management import top

from .conftest import PLUGINS, ROOT, read

DOCS = ROOT / "docs"


@pytest.fixture(scope="module", autouse=True)
def beside() -> Iterator[None]:
    """The modules of docs/ import each other, as mkdocs runs them."""
    sys.path.insert(0, str(DOCS))
    yield
    sys.path.remove(str(DOCS))


def test_the_diagrams_are_up_to_date(tmp_path: Path) -> None:
    for name in ("draw_diagrams.py", "drawings.py"):
        copy(DOCS / name, tmp_path)
    subprocess.run([sys.executable, tmp_path / "draw_diagrams.py"], check=True, timeout=120)
    drawn = sorted(tmp_path.glob("*.svg"))
    assert drawn
    for path in drawn:
        assert path.read_text(encoding="utf-8") == read(f"docs/{path.name}"), (
            "python docs/draw_diagrams.py draws it anew"
        )


def test_a_page_and_its_drawings_agree_on_colours() -> None:
    """Light and dark each have every colour that a drawing asks for, and the other way round."""
    from drawings import COLOURS

    schemes = re.findall(r"([^}]*)\{([^}]*--drawn-[^}]*)\}", read("docs/style.css"))
    assert len(schemes) == 2
    for _, declared in schemes:
        assert set(re.findall(r"--drawn-([\w-]+):", declared)) == set(COLOURS)


def test_a_drawing_stands_in_the_page_and_an_image_stays_one() -> None:
    from drawings import with_drawings

    html = with_drawings(
        '<p><img alt="a &lt; b" src="call.svg" /> <img alt="x" src="no.svg" /></p>'
    )
    assert '<img alt="x" src="no.svg" />' in html
    drawn = ElementTree.fromstring(html)[0][0]
    assert drawn.tag.endswith("svg")
    assert drawn[0].text == "a < b", "what a reader who does not see it is told"


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.svg")), ids=lambda path: path.name)
def test_no_picture_fetches_anything(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert not re.search(r"https?:|@import|url\(|<script|<foreignObject", text)


#: What each line of a picture is about, or the heads of its columns.
SHOWN = {
    "top": " ".join(top._HEAD),
    "stats": "SERVER ROLE HITS MISSES HIT RATIO EVICTED MEMORY UP FAMILY KEYS SHARE BYTES EACH",
    "doctor": "plugins server replicas timeouts encoding write advice problem",
}


@pytest.mark.parametrize("name", SHOWN)
def test_the_picture_of_a_command_shows_what_it_prints(name: str) -> None:
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", read(f"docs/command-{name}.svg"))
    words = " ".join(texts).replace("\xa0", " ").split()
    assert words[:5] == ["$", "python", "manage.py", "redis_cache", name]
    assert set(SHOWN[name].split()) <= set(words), "docs/draw_commands.py takes it anew"


def test_a_terminal_is_drawn_as_it_stood() -> None:
    from draw_commands import INK, SHADES, last_frame, picture, spans

    written = (
        "old\x1b[K\r\n\x1b[J\x1b[H 5%\r\x1b[36;1mdefault\x1b[0m:  a < b\x1b[K\r\n\x1b[J\x1b[0m\r\n"
    )
    [line] = last_frame(written)
    assert list(spans(line)) == [(0, SHADES[6], "default"), (7, INK, ":  a < b")]
    drawn = picture("top", [line])
    text = ElementTree.fromstring(drawn)[-1]
    assert text.text == ":\xa0\xa0a\xa0<\xa0b"
    assert float(text.attrib["textLength"]) == 8 * len(text.text)


def test_every_plugin_has_its_place_under_its_kind() -> None:
    import plugin_pages

    assert set(plugin_pages.KINDS) == set(KINDS)
    found = plugin_pages.of_kinds()
    assert sorted(name for names in found.values() for name in names) == PLUGINS
    for name, kind in OURS.items():
        assert name in found[plugin_pages.KINDS[kind]]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugins_page_says_version_and_licence(name: str) -> None:
    from plugin_pages import with_facts

    project = tomllib.loads(read(f"plugins/{name}/pyproject.toml"))["project"]
    page = with_facts(read(f"plugins/{name}/README.md"), f"plugins/{name}.md")
    facts: dict[str, Any] = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))
    assert facts["version"] == project["version"]
    assert facts["licence"] == project["license"]
    assert facts.get("kind", "").replace(" ", "_") == OURS.get(name, "")
    assert facts["needs"]
    assert page.startswith(read(f"plugins/{name}/README.md").splitlines()[0])


def test_other_pages_have_no_facts() -> None:
    from plugin_pages import with_facts

    assert with_facts("# A\n\ntext\n", "options.md") == "# A\n\ntext\n"
    assert with_facts("# A\n\ntext\n", "plugins/none.md") == "# A\n\ntext\n"
