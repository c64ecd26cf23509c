"""The README's first two fenced blocks are the two commands; CI runs the second, nothing else."""

import re
import shutil
import subprocess

import pytest

README = """# Title

    not this: it is indented, not fenced

```console
echo the first
```

```sh
{command}
```

```sh
echo the third
```
"""

# All that .ci/run may count on.
TOOLS = ["awk", "bash", "dirname", "grep", "id", "paste", "sh", "sort", "timeout"]

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)), reason="CI's machine is a Linux with the usual tools"
)


@pytest.fixture
def ci(root, tmp_path):
    """Run a copy of .ci/run on a machine that has `TOOLS` and the given scripts, and no more."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(root / ".ci" / "run", tmp_path / ".ci" / "run")
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for tool in TOOLS:
        (binaries / tool).symlink_to(shutil.which(tool))

    def run(command, **scripts):
        (tmp_path / "README.md").write_text(README.format(command=command), encoding="utf-8")
        for name, script in scripts.items():
            path = binaries / name.replace("_", "-")
            path.write_text(f"#!{binaries}/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)
        return subprocess.run(
            [tmp_path / "bin" / "bash", tmp_path / ".ci" / "run"],
            env={"PATH": str(binaries), "CI": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_the_readmes_first_two_blocks_are_one_command_each(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.M | re.S)
    for block in blocks[:2]:
        assert len(block.splitlines()) == 1
        assert not block.startswith("$"), "a command is to be copied as it stands"
    assert "examples/" in blocks[0]
    assert "tox" in blocks[1]


def test_ci_is_a_script_that_can_be_run(root):
    assert (root / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("status", [0, 1, 5])
def test_ci_runs_the_second_block_and_ends_as_it_does(ci, status):
    done = ci(f"echo the second && exit {status}")
    lines = done.stdout.splitlines()
    assert done.returncode == status
    assert "the second" in lines
    assert "the first" not in lines
    assert "the third" not in lines


def test_ci_fails_where_the_second_block_is_empty(ci):
    assert ci("").returncode != 0


def test_ci_switches_on_the_newest_of_each_python_that_pyenv_has(ci):
    versions = "2.7.18 3.10.13 3.13.0 3.11.7 3.12.9 3.12.10 3.14.0rc1 3.15.0 pypy3.10-7.3"
    done = ci('echo "pythons: $PYENV_VERSION"', pyenv=f"printf '%s\\n' {versions}")
    assert "pythons: 3.11.7:3.12.10:3.13.0" in done.stdout.splitlines()


def test_ci_goes_on_where_pyenv_has_no_python_of_ours(ci):
    done = ci('echo "pythons: ${PYENV_VERSION-unset}"', pyenv="echo 3.10.13")
    assert "pythons: unset" in done.stdout.splitlines()
    assert done.returncode == 0


@pytest.mark.parametrize("apt_get", [{}, {"apt_get": "exit 100"}], ids=["no apt", "apt fails"])
def test_ci_goes_on_where_redis_server_cannot_be_installed(ci, apt_get):
    done = ci("echo ran", **apt_get)
    assert "ran" in done.stdout.splitlines()
    assert done.returncode == 0


def test_ci_leaves_an_installed_redis_server_alone(ci):
    done = ci("echo ran", redis_server="echo v=7.0", apt_get="echo apt-get was called >&2")
    assert "apt-get was called" not in done.stdout + done.stderr
    assert "CI: redis-server: v=7.0" in done.stdout.splitlines()
