"""The dashboard, the alerts and the README name metrics and labels that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics import MetricWrapperBase

from django_redis_core_prometheus import metrics
from django_redis_core_prometheus.state import State

ROOT = Path(__file__).parents[3]
ALERTS = (ROOT / "examples/prometheus/alerts.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "examples/prometheus/dashboard.json").read_text(encoding="utf-8"))
README = (ROOT / "plugins/prometheus/README.md").read_text(encoding="utf-8")

PREFIX = "django_redis_core_"


def of_the_code() -> dict[str, set[str]]:
    """Each metric's labels, as Prometheus has its name."""
    found: dict[str, set[str]] = {}
    families: list[Any] = [one for one in vars(metrics).values() if _is_metric(one)]
    for family in families:
        (described,) = family.describe()
        name = described.name + ("_total" if described.type == "counter" else "")
        found[name] = set(family._labelnames)
    for described in State().describe():
        name = described.name + ("_total" if described.type == "counter" else "")
        found[name] = set(described._labelnames)  # type: ignore[attr-defined]
    return found


def _is_metric(one: object) -> bool:
    return isinstance(one, MetricWrapperBase)


METRICS = of_the_code()


def expressions() -> list[str]:
    alerts = re.findall(r"expr: (?:>-\n)?(.+?)\n +(?:for|labels):", ALERTS, re.S)
    assert len(alerts) == ALERTS.count("- alert:")
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return alerts + panels


def used(expression: str) -> dict[str, set[str]]:
    """The metrics of an expression, each with the labels by which it is selected."""
    found: dict[str, set[str]] = {}
    for name, selector in re.findall(rf"({PREFIX}\w+)(?:\{{([^}}]*)\}})?", expression):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=~?\"", selector))
    return found


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_uses_what_there_is(expression: str) -> None:
    seen = used(expression)
    assert seen
    labels = set()
    for name, selected in seen.items():
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert base in METRICS, f"there is no metric {name}"
        assert selected <= METRICS[base], f"{name} has no labels {selected - METRICS[base]}"
        labels |= METRICS[base] | ({"le"} if name.endswith("_bucket") else set())
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in grouped.split(",")} <= labels, expression
    assert expression.count("(") == expression.count(")")


def test_the_legends_use_labels_that_are_kept() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept


def test_the_dashboard_can_be_imported() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {
        "datasource",
        "alias",
    }
    assert used(DASHBOARD["templating"]["list"][1]["definition"])


def test_what_operating_tells_to_watch_has_an_alert() -> None:
    """Each signal and error of the table, but for the exit code of a command."""
    page = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    watch = page.partition("## What to watch")[2].partition("\n## ")[0]
    alerts = " ".join(expressions())
    for told, metric in {
        "circuit_opened": 'error="CircuitOpen"',
        "exception_ignored": 'outcome="fallback"',
        "ConnectionInterrupted": "ConnectionInterrupted|ServerTimeout",
        "partial_failure": "partial_failures_total",
        "value_unreadable": "values_unreadable_total",
        "SealError": 'error="SealError"',
        "PoolExhausted": 'error="PoolExhausted"',
        "hit_ratio": 'lookups_total{result="hit"}',
    }.items():
        assert f"`{told}`" in watch
        assert metric in alerts
    assert set(re.findall(r"signals? `(\w+)`", watch)) <= {
        *("circuit_opened", "exception_ignored", "partial_failure", "value_unreadable"),
    }


def test_the_readme_has_every_metric_with_its_labels() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| ([`\w, ]+?) \|", README, re.M)
    documented = {PREFIX + name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert documented == METRICS
