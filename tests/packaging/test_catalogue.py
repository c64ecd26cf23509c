"""What the core promises to those who name a plugin that is not installed."""

from __future__ import annotations

import ast

from django_redis_core._plugins.catalogue import OURS
from django_redis_core._plugins.hookspecs import ACTS


def kind_of(source):
    """The kind that a plugin's module registers; None where it has hooks that act alone."""
    module = ast.parse(
        (source.folder / "src" / source.module / "__init__.py").read_text(encoding="utf-8")
    )
    names = [node.name for node in module.body if isinstance(node, ast.FunctionDef)]
    kinds = [name.removeprefix("register_") for name in names if name.startswith("register_")]
    if not kinds:
        assert set(names) & set(ACTS), source.name
        return None
    (kind,) = kinds
    return kind


def test_the_core_knows_every_plugin_of_ours_and_no_others(plugins):
    """Else an error would say to install what pip does not find."""
    registering = {
        name: kind_of(source)
        for source in plugins
        if source.registers and kind_of(source) is not None
        for name in source.pyproject["project"]["entry-points"]["django_redis_core"]
    }
    assert registering == OURS
