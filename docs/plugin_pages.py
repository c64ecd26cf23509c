"""What the pages of our plugins have beside their READMEs: a place in the navigation under their
kind, and a line that says version, licence, requirements and what to install."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from django_redis_core._plugins.catalogue import OURS

ROOT = Path(__file__).resolve().parents[1]

#: The kinds in the order of docs/plugins.md, and what the navigation calls them.
KINDS = {
    "serializer": "Serializers",
    "compressor": "Compressors",
    "sealer": "Sealers",
    "connection_factory": "Connection factories",
    "client": "Clients",
    "observer": "Observers",
}
#: A distribution that registers under no kind, such as compat.
BESIDE = "Beside the plugins"

CORE = "django-redis-core"


def of_kinds() -> dict[str, list[str]]:
    """The names of our plugins by the heading that they stand under."""
    found: dict[str, list[str]] = {heading: [] for heading in (*KINDS.values(), BESIDE)}
    for path in sorted(ROOT.glob("plugins/*/README.md")):
        name = path.parent.name
        found[KINDS[OURS[name]] if name in OURS else BESIDE].append(name)
    return {heading: names for heading, names in found.items() if names}


def navigation() -> list[dict[str, Any]]:
    return [
        {heading: [{name: f"plugins/{name}.md"} for name in names]}
        for heading, names in of_kinds().items()
    ]


def with_facts(markdown: str, page: str) -> str:
    """A plugin's page with its facts below the title; any other page as it is."""
    folder = ROOT / "plugins" / Path(page).stem
    if not page.startswith("plugins/") or not folder.is_dir():
        return markdown
    title, end, rest = markdown.partition("\n")
    return f"{title}{end}\n{facts(folder)}\n{rest}"


def facts(folder: Path) -> str:
    """The facts of the plugin in ``folder``, as one line of HTML."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = [one.partition(";")[0] for one in project["dependencies"] if not is_core(one)]
    kind = OURS.get(folder.name, "").replace("_", " ")
    said = [
        ("kind", kind),
        ("version", project["version"]),
        ("licence", project["license"]),
        ("Python", project["requires-python"].replace(">=", "≥ ")),
        ("needs", ", ".join(needs).replace(">=", " ≥ ") or "nothing else"),
    ]
    items = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in said if text)
    return f'<dl class="facts">{items}</dl>\n'


def is_core(requirement: str) -> bool:
    return requirement.startswith((f"{CORE}>", f"{CORE}[")) or requirement == CORE
