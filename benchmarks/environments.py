"""Environments that have others' backends, made from the package index into ``build/``.

Each is by itself, for two of them may not agree: django-valkey and an extra of this project bring
different packages of one name. One that was made of other requirements is made anew.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def environment(name: str, requirements: Sequence[str], python: str = sys.executable) -> str:
    """The interpreter of ``build/<name>``, a child of ``python``'s that has ``requirements``.

    Raises ``subprocess.CalledProcessError`` where the index has none that fit.
    """
    folder = ROOT / "build" / name
    made_of = folder / "made-of.txt"
    recipe = "\n".join([python, *requirements])
    inside = folder / "bin" / "python"
    if not made_of.exists() or made_of.read_text() != recipe:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        subprocess.run([inside, "-m", "pip", "install", "-qq", *requirements], check=True)
        made_of.write_text(recipe)
    return str(inside)


def versions(python: str, distributions: Sequence[str]) -> dict[str, str]:
    """What is installed beside ``python``; what is not has no entry."""
    code = (
        "import importlib.metadata as m, sys\n"
        "known = {d.name.lower(): d.version for d in m.distributions()}\n"
        "print(*(known.get(name, '-') for name in sys.argv[1:]))"
    )
    out = subprocess.run(
        [python, "-c", code, *distributions], capture_output=True, text=True, check=True
    ).stdout.split()
    return {name: one for name, one in zip(distributions, out, strict=True) if one != "-"}


def version_of(python: str) -> str:
    """``3.14.2``"""
    code = "import platform; print(platform.python_version())"
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def processor() -> str:
    """The machine's, as it calls it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def today() -> str:
    return time.strftime("%d %B %Y").lstrip("0")


def machine() -> str:
    """Which machine, and when, in the words that stand under a table."""
    return f"{processor()}, {os.cpu_count()} cores, {today()}"
