"""The subcommands of plugins: those that settings name are loaded, and asked what they offer."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from .._plugins.asking import Nonsense, blame, many
from .._plugins.registry import registry
from .._plugins.sources import Hooked
from .._settings import load_listed, used_plugins
from ..exceptions import PluginError, RedisCacheError
from ..interfaces import Subcommand
from .console import Console
from .targets import Target, targets

_HOOK = "redis_cache_subcommands"
_NAME = re.compile(r"[A-Za-z0-9][\w-]*")

#: ``add`` of the command: makes a parser for a subcommand.
Add = Callable[[str, str, Callable[..., None]], Any]


def add_all(add: Add, taken: Container[str]) -> list[str]:
    """Adds every subcommand that a plugin offers, and returns sentences on those that cannot be."""
    offered, faults = _offered()
    for name, several in offered.items():
        whose = [str(of.source) for of, _ in several]
        if name in taken:
            faults.append(
                f"The subcommand {name!r} of {' and '.join(whose)} is ignored: the name is that of "
                "one of django-redis-core."
            )
        elif len(several) > 1:
            words = f"{' and '.join(sorted(whose))} offer the same subcommand {name!r}"
            add(name, f"Not usable: {words}.", partial(_refuse, words))
        else:
            [(of, one)] = several
            own: list[str] = []
            sub = add(name, one.help, partial(_run, of, one, own))
            before = {action.dest for action in sub._actions}
            try:
                one.add_arguments(sub)
                own += [action.dest for action in sub._actions if action.dest not in before]
            except Exception as error:
                answer = blame(of, f"{_HOOK} ({name})", error)
                faults.append(f"{answer.trouble()}.")
                sub.set_defaults(run=partial(_refuse, answer.trouble()))
    return faults


def _offered() -> tuple[dict[str, list[tuple[Hooked, Subcommand]]], list[str]]:
    """The subcommands of plugins by their names, and sentences on plugins that are at fault."""
    faults: list[str] = []
    try:
        load_listed()
    except ImproperlyConfigured as error:
        faults.append(str(error))
    uses: list[type[Any]] = []
    for kind, name in used_plugins():
        if "." not in name:  # a class by itself has no hooks
            try:
                uses.append(registry.plugin(kind, name, "CACHES"))
            except PluginError:
                pass  # "plugins" and the caches that it is for tell why
    offered: dict[str, list[tuple[Hooked, Subcommand]]] = {}
    for answer in registry.ask(_HOOK, _subcommands, uses):
        if answer.error is not None:
            faults.append(f"{answer.trouble()}.")
        for one in answer.value or ():
            offered.setdefault(one.name, []).append((answer.of, one))
    return offered, faults


def _subcommands(returned: Any) -> list[Subcommand]:
    """What the hook returned, or Nonsense."""
    found: list[Subcommand] = many(Subcommand, "objects of subclasses of Subcommand")(returned)
    for one in found:
        name, words = getattr(one, "name", None), getattr(one, "help", None)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Nonsense(
                f"returned a {type(one).__name__} with the name {name!r}; it must be one word of "
                'letters, digits, "-" and "_"'
            )
        if not isinstance(words, str) or not words:
            raise Nonsense(f"returned a {type(one).__name__} without help, a line on what it does")
    return found


def _refuse(words: str, console: Console, **options: Any) -> None:
    raise CommandError(f"{words}.")


def _run(
    of: Hooked,
    one: Subcommand,
    names: list[str],
    console: Console,
    *,
    alias: list[str] | None,
    **options: Any,
) -> None:
    own = {name: options[name] for name in names}
    told = [_Told(of, one, target, own) for target in _targets(of, one, alias)]
    lines = {one.alias: one.lines for one in told}
    console.show(
        [one.report for one in told],
        lambda report, style, width: [
            f"{style.MIGRATE_HEADING(report['alias'])}:",
            *(f"  {line}".rstrip() for line in lines[report["alias"]]),
        ],
    )
    if wrong := [f"{one.alias}: {one.wrong}" for one in told if one.wrong]:
        raise CommandError("\n".join(wrong))


def _targets(of: Hooked, one: Subcommand, aliases: list[str] | None) -> list[Target]:
    """The caches that it is about: those that use a part of the plugin, if it has any."""
    found = targets(aliases)
    using = [target for target in found if _uses(target, of)]
    if not using or (aliases and len(using) < len(found)):
        names = " or ".join(repr(offered.name) for offered in of.offers)
        others = ", ".join(repr(target.alias) for target in found if target not in using)
        raise CommandError(f"{one.name!r} is about caches with {names}, which {others} has not.")
    return using


def _uses(target: Target, of: Hooked) -> bool:
    try:
        return of.is_asked([use.plugin for use in target.engine.options.plugins()])
    except ImproperlyConfigured:
        return True  # whose error is then told


class _Told:
    """What a subcommand says of one cache: a report, and lines of text; or why there is none."""

    def __init__(
        self, of: Hooked, one: Subcommand, target: Target, options: dict[str, Any]
    ) -> None:
        self.alias = target.alias
        self.report: dict[str, Any] = {"alias": target.alias}
        self.lines: list[str] = []
        try:
            report = one.report(target.view, **options)
            self.lines = [str(line) for line in one.lines(report)]
            self.wrong = one.problem(report)
            self.report["report"] = report
        except (CommandError, ImproperlyConfigured, RedisCacheError) as error:
            self.wrong = target.explain(error)
        except Exception as error:
            answer = blame(of, f"{_HOOK} ({one.name})", error)
            self.wrong = answer.trouble(target.explain(error))
        if self.wrong:
            self.report["error"] = self.wrong
