"""towncrier leaves out, in silence, a fragment whose name it does not know."""


def test_every_fragment_has_a_name_that_towncrier_knows(core, root):
    known = {kind["directory"] for kind in core.pyproject["tool"]["towncrier"]["type"]}
    for fragment in sorted((root / "news").iterdir()):
        if fragment.name == "README.md":
            continue
        issue, kind, suffix = fragment.name.split(".")
        assert issue.isdigit() or issue.startswith("+"), fragment.name
        assert kind in known, fragment.name
        assert suffix == "md", fragment.name
        assert fragment.read_text(encoding="utf-8").strip(), fragment.name
