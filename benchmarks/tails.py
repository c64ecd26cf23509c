"""How long a reader waits beside the other backends: the median, one in a hundred, a thousand.

    python benchmarks/tails.py [--rounds 20] [--python python3.14] [--write docs/growth.md]

A second of load at a time (see ``loads.py``) on each backend's process, in shuffled order, as in
``rivals.py``; of all rounds together. A site feels the slowest of the calls that make a page, so
what counts is the tail. The base takes part twice, and the second time is the control.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from arena import Pythons, arena, one_processor, shuffled
from contenders import ASYNCIO, BLOCKING, OURS, PICKLE
from environments import machine
from loads import RATE, TASKS, THREADS, percentile
from pages import fill
from tables import table

PARTS = {"50%": 0.5, "99%": 0.99, "99.9%": 0.999}
KINDS = {BLOCKING: f"`get`, {THREADS} threads", ASYNCIO: f"`aget`, {TASKS} tasks"}


def waits(pythons: Pythons, kind: str, rounds: int) -> dict[str, list[int] | str]:
    """Microseconds that each call waited, sorted, by backend; or the error that ended it."""
    with arena(pythons, kind, PICKLE) as processes:
        found: dict[str, list[int] | str] = {process.name: [] for process in processes}
        for number in range(rounds + 1):
            for process in shuffled(processes):
                known = found[process.name]
                if isinstance(known, str):
                    continue
                answer = process.ask("load")
                if isinstance(answer, dict):
                    found[process.name] = answer["error"]
                elif number:  # the first one opens connections
                    known.extend(answer)
            print(f"{kind}: round {number} of {rounds}", file=sys.stderr, flush=True)
    return {name: one if isinstance(one, str) else sorted(one) for name, one in found.items()}


def shown(found: list[int] | str) -> list[str]:
    if isinstance(found, str):
        return [found, "", ""]
    return [f"{percentile(found, part):,}" for part in PARTS.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--python", default=sys.executable, help="of all environments")
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    arguments = parser.parse_args()
    pythons = Pythons(arguments.python)
    one_processor()
    minutes = (arguments.rounds + 1) * 2 * 11 * 1.1 / 60
    print(f"{arguments.rounds} rounds take about {minutes:.0f} minutes.", file=sys.stderr)
    by_kind = {kind: waits(pythons, kind, arguments.rounds) for kind in KINDS}
    head = ["µs"] + [f"{words}: {part}" for words in KINDS.values() for part in PARTS]
    rows = [
        [f"**{name}**" if name == OURS else name]
        + [cell for kind in KINDS for cell in shown(by_kind[kind][name])]
        for name in by_kind[BLOCKING]
    ]
    absent = dict.fromkeys(f"{name}: {why}" for name, why in pythons.absent.items())
    words = (
        f"{RATE:,} calls a second, {arguments.rounds} rounds of a second; Python "
        f"{pythons.version}; {machine()}. {' '.join(absent)}"
    )
    text = f"{table(head, rows)}\n\n{words}"
    print(text)
    if arguments.write:
        fill(arguments.write, "tails", text)


if __name__ == "__main__":
    main()
