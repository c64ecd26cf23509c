"""Every link between files of the checkout leads to a file, and to a heading in it."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from .conftest import DOCUMENTS, without_code

_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings that are the same where the checkout is browsed and in
    the built pages (https://github.com/Python-Markdown/markdown, extension toc)."""
    of_browser: set[str] = set()
    of_pages: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", without_code(text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        of_browser.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
        ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
        kept = re.sub(r"[^\w\s-]", "", ascii_only).strip().lower()
        of_pages.add(re.sub(r"[-\s]+", "-", kept))
    return of_browser & of_pages


def wrong_links(document: Path) -> list[str]:
    text = document.read_text(encoding="utf-8")
    wrong = []
    for link in _LINK.findall(without_code(text)):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        there = target.exists()
        if there and anchor:
            there = anchor in anchors(target.read_text(encoding="utf-8"))
        if not there:
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_link_leads_somewhere(document: Path) -> None:
    assert wrong_links(document) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Its `name`: one\n\n```md\n# Not one\n```\n")
    page = tmp_path / "page.md"
    page.write_text("[a](other.md#its-name-one) [b](other.md#not-one) [c](no.md) [d](#here)\n")
    assert wrong_links(page) == ["other.md#not-one", "no.md", "#here"]
