"""What the repository's host reads: it parses, and calls what is here, no commands of its own."""

import configparser
import re
import shlex

import pytest
import yaml

#: Programs that a host's machine or the step before brings.
BROUGHT = {"python3", ".venv/bin/python", ".venv/bin/tox", ".venv/bin/uv", "gh"}


def load(path):
    """A file of YAML. Its key `on` is read as True, as YAML 1.1 has it."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def workflows(root):
    found = sorted((root / ".github" / "workflows").iterdir())
    assert found
    return {path.stem: load(path) for path in found}


def commands(workflow):
    """Every command of a workflow, as words."""
    return [
        shlex.split(command)
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "run" in step
        for line in step["run"].splitlines()
        for command in line.split(" && ")
    ]


def test_what_ci_runs_is_ci_run_and_nothing_else(root):
    assert commands(workflows(root)["ci"]) == [[".ci/run"]]


def test_ci_has_every_python_of_the_tests(root):
    tox = (root / "tox.ini").read_text(encoding="utf-8")
    wanted = {f"3.{minor}" for minor in re.findall(r"^ +py3(\d+)-", tox, re.M)} | {"3.11"}
    [job] = workflows(root)["ci"]["jobs"].values()
    [given] = [
        step["with"]["python-version"].split()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/setup-python")
    ]
    assert set(given) == wanted


def test_what_workflows_call_is_there(root):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(root / "tox.ini", encoding="utf-8")
    for name, workflow in workflows(root).items():
        assert commands(workflow)
        for program, *words in commands(workflow):
            if program not in BROUGHT:
                assert (root / program).stat().st_mode & 0o111, (name, program)
            if program.endswith("/tox"):
                assert words[:2] == ["run", "-e"], words
                assert f"testenv:{words[2]}" in tox, (name, words)


def test_only_what_publishes_has_rights_and_it_runs_nothing_of_the_checkout(root):
    """Who can have a test run in CI must not be able to publish."""
    for workflow in workflows(root).values():
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            text = str(job["steps"])
            if "permissions" in job:
                assert "checkout" not in text
                assert "tox" not in text
            else:
                assert "secrets." not in text
                assert "github.token" not in text


def test_only_actions_of_the_host_itself_are_used(root):
    for workflow in workflows(root).values():
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/none@v0"))


def test_forms_for_issues_have_what_the_host_asks_for(root):
    forms = [load(p) for p in (root / ".github" / "ISSUE_TEMPLATE").iterdir() if p.stem != "config"]
    assert len(forms) > 2
    for form in forms:
        assert form["name"]
        assert form["description"]
        names = [field["id"] for field in form["body"]]
        assert len(set(names)) == len(names)
        for field in form["body"]:
            assert field["type"] in {"input", "textarea", "dropdown"}
            assert field["attributes"]["label"]
            # Bare words such as yes are no text in YAML, and the host refuses the whole form.
            assert all(isinstance(one, str) for one in field["attributes"].get("options", []))


def test_who_wants_to_join_finds_what_the_host_shows(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    for name in ("SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md"):
        assert (root / name).read_text(encoding="utf-8").startswith("# ")
        assert f"]({name})" in readme, name


@pytest.mark.parametrize("words", ["tox run -e lint,types,imports,docs", "benchmarks/calls.py"])
def test_the_form_of_a_pull_request_names_what_there_is(root, words):
    text = (root / ".github" / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
    assert words in text
    assert (root / "benchmarks" / "calls.py").is_file()
