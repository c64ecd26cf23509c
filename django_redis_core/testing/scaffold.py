"""``python -m django_redis_core.testing new``: a plugin's distribution that works as it stands.

It needs nothing beside the standard library and the core, and writes text only: whoever made it
owns it, and nothing here is needed again.
"""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from .. import __version__
from .._plugins.catalogue import OURS
from .._plugins.checked import BASES
from .._plugins.registry import registry
from ..connections.urls import SCHEMES

#: The module of the class, where it is not called as the kind.
_MODULES = {"connection_factory": "factory"}

#: What the class' name ends with.
_SUFFIXES = {"connection_factory": "Factory"}


class Refused(ValueError):
    """The distribution cannot be made; the message says what to write instead."""


def distribution_of(name: str) -> str:
    return f"django-redis-core-{name.replace('_', '-')}"


def make(name: str, kind: str, folder: Path | None = None) -> Path:
    """Writes the distribution of a plugin into ``folder``, by default one of its name here, which
    must not be there yet. Returns the folder. Raises ``Refused`` or OSError."""
    _refuse_name(name, kind)
    folder = folder or Path(distribution_of(name))
    if folder.exists():
        raise Refused(f"{folder} is there already; name another folder with --directory.")
    for path, text in texts(name, kind).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def _refuse_name(name: str, kind: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise Refused(
            f"{name!r} cannot be a plugin's name here: it names a module too, so write small "
            "letters, digits and underscores, beginning with a letter."
        )
    for line in registry.describe():
        if line.name == name:
            what = line.kind.replace("_", " ") or "plugin"
            source = f"{line.distribution} {line.version}".strip()
            raise Refused(f"The name {name!r} is taken by the {what} of {source}; choose another.")
    if name in OURS:
        raise Refused(
            f"The name {name!r} is taken by the {OURS[name].replace('_', ' ')} of "
            f"{distribution_of(name)}, which is not installed here; choose another."
        )
    if name == "new" or (kind == "connection_factory" and name in SCHEMES):
        raise Refused(f"The name {name!r} has a meaning of its own; choose another.")


def texts(name: str, kind: str) -> dict[str, str]:
    """The files of the distribution, by their paths in it."""
    template = files(__package__) / "template"
    module, file = f"django_redis_core_{name}", _MODULES.get(kind, kind)
    base = BASES[kind].__name__
    words = {
        "name": name,
        "upper": name.upper(),
        "kind": kind.replace("_", " "),
        "hook": kind,
        "base": base,
        "class_name": "".join(map(str.capitalize, name.split("_"))) + _SUFFIXES.get(kind, base),
        "module": module,
        "file": file,
        "distribution": distribution_of(name),
        "bound": _bound(),
    }

    def filled(*path: str) -> str:
        text = template.joinpath(*path).read_text(encoding="utf-8")
        return Template(text).substitute(words)

    return {
        "pyproject.toml": filled("pyproject.toml.template"),
        "README.md": filled(kind, "README.md.template") + filled("development.md.template"),
        f"src/{module}/__init__.py": filled("init.py.template"),
        f"src/{module}/{file}.py": filled(kind, f"{file}.py.template"),
        f"src/{module}/py.typed": "",
        "tests/conftest.py": filled("conftest.py.template"),
        "tests/test_contract.py": filled(kind, "test_contract.py.template"),
    }


def _bound() -> str:
    """The releases of the core that a plugin asks for which is written for the installed one."""
    found = re.match(r"(\d+)\.(\d+)", __version__)
    return f">={found[0]},<{int(found[1]) + 1}" if found else ""
