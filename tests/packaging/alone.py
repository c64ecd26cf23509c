"""Test one plugin as its users get it: it and the core, both from wheels, nothing else of ours.

Called by tox as `alone.py alone-zstd`, in an environment with pytest and nothing of this checkout.
It finds what the editable checkout hides: a file that the wheel lacks, a requirement that is not
declared, a test that leans on another plugin. DRC_DIST names a folder with wheels that are tested
as they are: those of a release.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHAT_IS_INSTALLED = """
import importlib.metadata, sys, django_redis_core
names = {found.name for found in importlib.metadata.distributions()}
ours = sorted(name for name in names if name.startswith("django-redis-core"))
assert ours == ["django-redis-core", sys.argv[1]], f"not alone: {ours}"
place = django_redis_core.__file__
assert "site-packages" in place, f"not from a wheel: {place}"
"""


def main(env_name: str, *pytest_args: str) -> int:
    plugin = ROOT / "plugins" / env_name.removeprefix("alone-")
    run("uv", "pip", "install", "--quiet", "--reinstall", *wheels_of(plugin))
    run(sys.executable, "-c", WHAT_IS_INSTALLED, f"django-redis-core-{plugin.name}")
    # The checkout's rules, without its conftest.py.
    only_this = ("-c", ROOT / "pyproject.toml", f"--rootdir={plugin}", f"--confcutdir={plugin}")
    pytest = ("-m", "pytest", *only_this, plugin / "tests", *pytest_args)
    # -P: `python -m` would put the working folder first on sys.path.
    return subprocess.run([sys.executable, "-P", *pytest], check=False).returncode


def wheels_of(plugin: Path) -> list[Path]:
    """The core's and the plugin's, built unless they are there."""
    if built := os.environ.get("DRC_DIST"):
        stems = ("django_redis_core", f"django_redis_core_{plugin.name}")
        return [wheel for stem in stems for wheel in Path(built).glob(f"{stem}-[0-9]*.whl")]
    wheels = Path.cwd() / "wheels"
    for source in (ROOT, plugin):
        run("uv", "build", "--quiet", "--wheel", "--out-dir", wheels, source)
    return list(wheels.glob("*.whl"))


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
