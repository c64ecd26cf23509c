"""The plugin listing tells all that an operator asks, and imports nothing that is not used."""

from __future__ import annotations

import sys
import textwrap

from .conftest import Own, Site, compressor, offering

WHERE = "CACHES['default']: COMPRESSOR"


def test_the_listing_is_complete_and_imports_nothing(site: Site) -> None:
    site.install("bz2", compressor("bz2"), version="1.5")
    site.install("bad", "raise AssertionError('imported')\ndef register_sealer(): ...")
    site.install("riddle", "raise AssertionError('imported')")
    site.install("zstd", compressor("zstd"), distribution="acme-x")
    site.install("zstd", compressor("zstd"), distribution="acme-y")
    site.install("pickle", "def register_serializer(): ...", distribution="acme-pickle")
    registry = site.registry()
    lines = registry.describe(
        {
            ("compressor", "bz2"): ["default", "sessions"],
            ("serializer", "pickle"): ["default"],
            ("serializer", "riddle"): ["default"],
            ("compressor", "zlib"): ["old"],
            ("client", "project.clients.Mine"): ["mine"],
        }
    )
    by_name = {(line.kind, line.name, line.distribution): line for line in lines}
    assert not {name for name in sys.modules if name.startswith("acme_")}

    line = by_name["compressor", "bz2", "acme-bz2"]
    assert (line.version, line.module) == ("1.5", "acme_bz2")
    assert line.file == str(site.folder / "acme_bz2" / "__init__.py")
    assert line.aliases == ("default", "sessions")
    assert not line.error

    assert by_name["sealer", "bad", "acme-bad"].aliases == ()
    assert by_name["", "riddle", "acme-riddle"].aliases == ("default",)
    for distribution in ("acme-x", "acme-y"):
        error = by_name["compressor", "zstd", distribution].error
        assert error == "not usable: acme-x 1.0 and acme-y 1.0 offer the same name"
    shadowed = by_name["serializer", "pickle", "acme-pickle"]
    assert shadowed.error == "ignored: the name belongs to a built-in plugin"
    assert shadowed.aliases == ()
    built_in = by_name["serializer", "pickle", "django-redis-core"]
    assert built_in.aliases == ("default",)
    assert built_in.version
    assert built_in.file.endswith("pickle.py")
    missing = by_name["compressor", "zlib", ""]
    assert (missing.error, missing.aliases) == ("not installed", ("old",))
    own = by_name["client", "project.clients.Mine", ""]
    assert (own.module, own.aliases, own.error) == ("project.clients", ("mine",), "")


def test_a_loaded_plugin_has_one_line_with_its_distribution(site: Site) -> None:
    site.install("bz2", compressor("bz2"), version="1.5")
    registry = site.registry()
    registry.plugin("compressor", "bz2", WHERE)
    [line] = [line for line in registry.describe() if line.name == "bz2"]
    assert (line.distribution, line.version, line.module) == ("acme-bz2", "1.5", "acme_bz2")
    assert line.file == str(site.folder / "acme_bz2" / "__init__.py")


def test_a_registration_in_process_has_a_line_and_hides_the_installed_one(site: Site) -> None:
    site.install("own", compressor("own"))
    registry = site.registry()
    registry.register(offering(Own), "the project")
    installed, ours = sorted(
        (line for line in registry.describe({("compressor", "own"): ["x"]}) if line.name == "own"),
        key=lambda line: line.distribution,
    )
    assert (ours.distribution, ours.version, ours.aliases) == ("the project", "", ("x",))
    assert installed.error == "ignored: the project registered the same name"
    assert installed.aliases == ()


def test_what_a_broken_uninstall_left_behind_does_not_break_the_rest(site: Site) -> None:
    site.install("bz2", compressor("bz2"))
    site.install("ghost", "")
    (site.folder / "acme_ghost-1.0.dist-info" / "METADATA").unlink()
    registry = site.registry()
    assert registry.plugin("compressor", "bz2", WHERE).name == "bz2"
    assert {"ghost", "bz2"} <= {line.name for line in registry.describe()}


def test_an_editable_install_has_kind_and_file_too(site: Site) -> None:
    """Its .dist-info stands in site-packages, its module somewhere else on the path."""
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "acme_far.py").write_text(textwrap.dedent(compressor("far")), encoding="utf-8")
    site.install("far", "", module="unused_far", entry_point="acme_far")
    sys.path.insert(0, str(elsewhere))
    try:
        [line] = [line for line in site.registry().describe() if line.name == "far"]
    finally:
        sys.path.remove(str(elsewhere))
    assert (line.kind, line.file) == ("compressor", str(elsewhere / "acme_far.py"))
