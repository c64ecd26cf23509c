"""release/run.py, up to where it would build: what it copies, refuses, and makes of news/.

The rest of it takes minutes: `tox run -e release`.
"""

import datetime
import importlib.util
import subprocess
import sys

import pytest

from .conftest import ROOT

DAY = datetime.date(2026, 1, 31)


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release_run", ROOT / "release" / "run.py")
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def tree(root, tmp_path):
    """What a release looks at before it builds: settings, a changelog, and two fragments."""
    folder = tmp_path / "tree"
    for name in ("pyproject.toml", "CHANGELOG.md", "news/README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((root / name).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "news" / "+one.feature.md").write_text("`one` is new.\n", encoding="utf-8")
    (folder / "news" / "7.bugfix.md").write_text("`two` is right.\n", encoding="utf-8")
    return folder


def test_it_finds_every_distribution(release, core, plugins):
    found = [(one.name, one.version) for one in release.distributions(ROOT)]
    assert found == [(one.name, one.version) for one in [core, *plugins]]


def test_the_notes_are_made_of_the_fragments(release, tree):
    notes = release.written(tree, "1.2.3", DAY, may_write=True)
    assert notes == "### New\n\n- `one` is new.\n\n### Mended\n\n- `two` is right. (#7)\n"
    assert [path.name for path in (tree / "news").iterdir()] == ["README.md"]
    assert "\n## 1.2.3 (2026-01-31)\n" in (tree / "CHANGELOG.md").read_text(encoding="utf-8")
    # The next time they are read out of the changelog, though another version is above.
    (tree / "news" / "8.feature.md").write_text("`three` is new.\n", encoding="utf-8")
    release.written(tree, "1.3.0", DAY, may_write=True)
    assert release.written(tree, "1.2.3", DAY, may_write=False) == notes


def test_every_fragment_of_ours_comes_into_the_notes(release, root, tree):
    for path in (root / "news").glob("*.md"):
        (tree / "news" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    notes = " ".join(release.written(tree, "1.2.3", DAY, may_write=True).split())
    for path in (root / "news").glob("*.md"):
        if path.name != "README.md" and ".misc." not in path.name:
            assert " ".join(path.read_text(encoding="utf-8").split()) in notes, path.name


def test_a_tag_with_fragments_left_is_refused(release, tree):
    with pytest.raises(SystemExit, match="news/ still has 2 fragments: commit what"):
        release.written(tree, "1.2.3", DAY, may_write=False)


def test_a_release_of_nothing_is_refused(release, tree):
    for path in (tree / "news").glob("*.*.md"):
        path.unlink()
    with pytest.raises(SystemExit, match=r"nothing about 1\.2\.3, and news/ has no fragments"):
        release.written(tree, "1.2.3", DAY, may_write=True)


def test_a_tag_of_another_version_is_refused(release, core):
    [ours, *_] = of_all = list(release.distributions(ROOT))
    release.agree(of_all, f"v{core.version}")
    with pytest.raises(SystemExit, match=r"v0\.0\.1 is not that of version"):
        release.agree(of_all, "v0.0.1")
    other = release.Distribution(ours.folder, "other", "0.0.1")
    with pytest.raises(SystemExit, match="more than one version"):
        release.agree([*of_all, other], None)


def test_what_is_not_committed_is_named_and_left_out(release, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "repository"
    folder.mkdir()
    git = ("git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b.example")
    (folder / "kept").write_text("1", encoding="utf-8")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    (folder / "kept").write_text("2", encoding="utf-8")
    (folder / "beside").touch()
    monkeypatch.setattr(release, "ROOT", folder)
    release.copy(tmp_path / "tree")
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["kept"]
    assert (tmp_path / "tree" / "kept").read_text(encoding="utf-8") == "1"
    said = capsys.readouterr().out
    assert "kept" in said
    assert "beside" in said


def test_a_command_that_fails_ends_it_with_what_it_said(release):
    with pytest.raises(SystemExit, match=r"(?s)ended with 3.*the reason"):
        release.run(sys.executable, "-c", "print('the reason'); raise SystemExit(3)", quiet=True)


def test_a_plugin_has_the_licence_of_the_project(root, plugin):
    """It is a distribution of its own, and whoever passes it on needs the text."""
    text = (root / "LICENSE").read_bytes()
    assert (plugin.folder / "LICENSE").read_bytes() == text, "cp LICENSE plugins/NAME/"
    assert "LICENSE" in plugin.pyproject["project"]["license-files"]
