"""What mkdocs.yml cannot say: pages that are made out of other files of the checkout.

Sources link to each other as files of the checkout, so they can be read there too. What a link
leads to is a page where there is one, and otherwise the file itself, which comes with the site.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

from drawings import with_drawings
from entries import with_entries
from plugin_pages import navigation, with_facts
from reference import with_operations

ROOT = Path(__file__).resolve().parents[1]

#: Pages whose source is outside docs/, by the source's path in the checkout.
PAGES = {
    f"plugins/{readme.parent.name}/README.md": f"plugins/{readme.parent.name}.md"
    for readme in sorted(ROOT.glob("plugins/*/README.md"))
} | {"CHANGELOG.md": "changelog.md"}

_LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#]+)(?P<after>#[^)\s]*)?\)")
_FENCE = re.compile(r"^(```.*?^```[^\n]*$)", re.M | re.S)


def on_config(config: Any) -> Any:
    """Every plugin gets its place in the navigation, under its kind, after the overviews."""
    section = next(part["Plugins"] for part in config.nav if "Plugins" in part)
    section[2:2] = navigation()
    return config


def on_files(files: Any, *, config: Any) -> Any:
    from mkdocs.structure.files import File, InclusionLevel

    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if page == "changelog.md":
            text += unreleased(ROOT)
        files.append(File.generated(config, page, content=text))
    for path in linked_files(
        {page.src_uri: page.content_string for page in files.documentation_pages()}
    ):
        source = str(ROOT / path)
        kind = InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, f"source/{path}", abs_src_path=source, inclusion=kind))
    return files


def on_page_markdown(markdown: str, *, page: Any, **kwargs: Any) -> str:
    """Links lead to pages; a plugin's page has its facts; the markers of operations.md and of
    docs/api/ become what they name."""
    linked = with_facts(links_to_pages(markdown, page.file.src_uri), page.file.src_uri)
    return with_entries(with_operations(linked))


def on_page_content(html: str, *, page: Any, **kwargs: Any) -> str:
    """style.css shows the four columns of options one below the other on a phone."""
    html = with_drawings(html)
    return f'<div class="options">{html}</div>' if page.file.src_uri == "options.md" else html


def source_of(page: str) -> str:
    """The path in the checkout of what a page is made of."""
    if page.startswith("source/"):
        return page.removeprefix("source/")
    return next((source for source, other in PAGES.items() if other == page), f"docs/{page}")


def target_of(page: str, link: str) -> str:
    """The path in the checkout that a link on ``page`` means."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source_of(page)), link))
    return f"{path}/README.md" if (ROOT / path).is_dir() else path


def links_to_pages(markdown: str, page: str) -> str:
    def rewritten(link: re.Match[str]) -> str:
        if "://" in link["target"] or link["target"].startswith("mailto:"):
            return link[0]
        path = target_of(page, link["target"])
        if path.startswith("docs/"):
            path = path.removeprefix("docs/")
        elif (ROOT / path).is_file():
            path = PAGES.get(path, f"source/{path}")
        else:
            return link[0]  # mkdocs says that it leads nowhere
        here = posixpath.relpath(path, posixpath.dirname(page) or ".")
        return f"{link['before']}{here}{link['after'] or ''})"

    parts = _FENCE.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(rewritten, part) for part in parts)


def linked_files(pages: dict[str, str]) -> list[str]:
    """Files of the checkout that pages link to and that are no pages, and those that they link to
    in turn. ``pages`` are texts by name."""
    found: dict[str, None] = {}
    waiting = dict(pages)
    while waiting:
        page, text = waiting.popitem()
        for link in _LINK.finditer(_FENCE.sub("", text)):
            path = target_of(page, link["target"])
            outside = "://" not in link["target"] and not path.startswith(("docs/", "../"))
            if outside and path not in found | PAGES and (ROOT / path).is_file():
                found[path] = None
                if path.endswith(".md"):
                    waiting[f"source/{path}"] = (ROOT / path).read_text(encoding="utf-8")
    return list(found)


def unreleased(root: Path) -> str:
    """The fragments in news/ as the next release will list them."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    text = ""
    for kind in settings["tool"]["towncrier"]["type"]:
        fragments = sorted((root / "news").glob(f"*.{kind['directory']}.md"))
        if fragments and kind["showcontent"]:
            text += f"\n### {kind['name']}\n"
            for fragment in fragments:
                first, *rest = fragment.read_text(encoding="utf-8").strip().splitlines()
                lines = [f"- {first}", *(f"    {line}".rstrip() for line in rest)]
                text += "\n" + "\n".join(lines) + "\n"
    return f"\n## Not released yet\n{text}" if text else ""
