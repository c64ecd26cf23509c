"""``plugins``: which code a site runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .._settings import describe_installed
from ..interfaces import OPERATIONS
from .output import folded, table
from .targets import Target


def report(caches: list[Target], *, every: bool) -> dict[str, Any]:
    """The plugins; without ``every`` those that ``caches`` use. What they use is loaded, so that
    its problems come to light, and nothing else is imported."""
    refused = []
    operations = {}
    for target in caches:
        try:
            engine = target.engine  # it loads what the cache uses
        except ImproperlyConfigured as error:
            refused.append({"alias": target.alias, "error": str(error)})
        else:
            if added := [name for name in engine.operations if name not in OPERATIONS]:
                operations[target.alias] = added
    aliases = {target.alias for target in caches}
    lines = [
        {**asdict(line), "aliases": [alias for alias in line.aliases if alias in aliases]}
        for line in describe_installed()
    ]
    return {
        "plugins": [line for line in lines if every or line["aliases"]],
        "refused": refused,
        "operations": operations,
    }


def lines(found: dict[str, Any], style: Any, width: int | None) -> list[str]:
    """The report as text."""
    rows = [("NAME", "KIND", "DISTRIBUTION", "USED BY", "FILE")]
    rows += [
        (
            line["name"],
            line["kind"].replace("_", " ") or "?",
            f"{line['distribution']} {line['version']}".strip() or "-",
            ", ".join(line["aliases"]) or "-",
            line["file"] or line["module"] or "-",
        )
        for line in found["plugins"]
    ]
    told = table(rows, width=width)
    head = len(told) // len(rows)  # lines of each row
    text = [*map(style.MIGRATE_HEADING, told[:head]), *told[head:]]
    if found["operations"]:
        text += [
            "",
            style.MIGRATE_HEADING("OPERATIONS THAT PLUGINS ADD"),
            *(f"{alias}: {', '.join(names)}" for alias, names in found["operations"].items()),
        ]
    if troubles := problems(found):
        text += [
            "",
            style.MIGRATE_HEADING("PROBLEMS"),
            *(style.ERROR(line) for trouble in troubles for line in folded(trouble, width)),
        ]
    return text


def problems(found: dict[str, Any]) -> list[str]:
    """What is wrong, each fault once: a cache that is refused for a plugin says more of it than
    the plugin's own line."""
    refused = [told["error"] for told in found["refused"]]
    return [
        f"{line['name']}: {line['error']}"
        for line in found["plugins"]
        if line["error"]
        and not any(repr(line["name"]) in told or line["error"] in told for told in refused)
    ] + refused
