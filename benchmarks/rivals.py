"""Every call beside the other backends, in one run; the page and the picture of it in the docs.

    python benchmarks/rivals.py [--rounds 31] [--python python3.14] [--write docs/rivals.md]

Each backend is in a process of its own, in an environment made from the package index (see
``contenders.py``), and does a batch of one piece of work a round, in shuffled order. What counts
is the CPU time of the process, the kernel's and all its threads' included, over that of redis-py's
own client in the same round, which sends the same command and reads the same bytes; the median of
the rounds. redis-py's client takes part twice, and the second one is the control.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from arena import CONTROL, Process, Pythons, arena, one_processor, shuffled
from contenders import ASYNCIO, BASE, BLOCKING, BY_NAME, CONTENDERS, MSGPACK, OURS, PICKLE
from environments import ROOT, machine
from interleaved import CONTROL as LEVEL
from pages import fill
from tables import table

CALLS = [
    "get 100 B",
    "get dict 2 KB",
    "get miss",
    "set 100 B",
    "touch",
    "incr",
    "get_many 100",
    "set_many 100",
]
READERS = ["aget 1", "aget 50", "aget 300"]
HEADS = {"aget 1": "1 task", "aget 50": "50 tasks", "aget 300": "300 tasks"}

#: For each piece of work and each name the rounds' ratios, or in words why there are none.
Rounds = dict[str, dict[str, list[float] | str]]
Ratios = Mapping[str, Mapping[str, float | str]]


def measure(
    processes: Sequence[Process], work: Sequence[str], rounds: int
) -> tuple[Rounds, Rounds]:
    """CPU time, and calls a second, both as ratios to the base's in the same round."""
    cpu: Rounds = {one: {process.name: [] for process in processes} for one in work}
    rate: Rounds = {one: {process.name: [] for process in processes} for one in work}
    # One piece after another: who has run out of connections in one has none for the next. The
    # first round is not counted: caches fill, bytecode is specialised, batches find their size.
    for one in work:
        began = time.monotonic()
        for number in range(rounds + 1):
            found = {}
            for process in shuffled(processes):
                if isinstance(cpu[one][process.name], str):
                    continue
                found[process.name] = process.ask(one)
            base = found[BASE.name]
            if "error" in base:
                raise SystemExit(f"{BASE.name} itself failed in {one!r}: {base['error']}")
            for name, cost in found.items():
                ratios, rates = cpu[one][name], rate[one][name]
                if "error" in cost:
                    cpu[one][name] = rate[one][name] = cost["error"]
                elif number and isinstance(ratios, list) and isinstance(rates, list):
                    ratios.append(cost["cpu"] / base["cpu"])
                    rates.append(base["took"] / cost["took"])
        print(f"{one}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return cpu, rate


def medians(rounds: Rounds) -> Ratios:
    return {
        work: {
            name: found if isinstance(found, str) else statistics.median(found)
            for name, found in by_name.items()
        }
        for work, by_name in rounds.items()
    }


def best(ratios: Mapping[str, float | str], highest: bool = False) -> float:
    """Of the backends: a bare client is no rival, it does less."""
    backends = [one for name, one in ratios.items() if name in BY_NAME and BY_NAME[name].backend]
    numbers = [one for one in backends if isinstance(one, float)]
    return max(numbers) if highest else min(numbers)


def shown(ratio: float | str, winner: float, digits: int = 2) -> str:
    if isinstance(ratio, str):
        return ratio
    figure = f"{ratio:.{digits}f}"
    return f"**{figure}**" if ratio == winner else figure


def chart(
    ratios: Ratios, work: Sequence[str], pythons: Pythons, highest: bool = False, digits: int = 2
) -> str:
    """A row for each backend, a column for each piece of work."""
    there = list(next(iter(ratios.values())))
    rows = []
    for name in [CONTROL, *(one.name for one in CONTENDERS if one is not BASE)]:
        label = f"**{name}**" if name == OURS else name
        if name in there:
            cells = [shown(ratios[one][name], best(ratios[one], highest), digits) for one in work]
            rows.append([label, *cells])
        elif name in BY_NAME and BY_NAME[name].environment in pythons.absent:
            why = pythons.absent[BY_NAME[name].environment]
            rows.append([label, why, *[""] * (len(work) - 1)])
    return table([f"beside {BASE.name}", *(HEADS.get(one, one) for one in work)], rows)


def wins(ratios: Ratios, what: str, highest: bool = False) -> list[str]:
    """Each row that another backend leads, in words; also where it is level with us."""
    lines = []
    for work, by_name in ratios.items():
        ours, again = by_name[OURS], by_name[CONTROL]
        assert isinstance(ours, float)
        assert isinstance(again, float)
        numbers = {
            name: one
            for name, one in by_name.items()
            if isinstance(one, float) and name in BY_NAME and BY_NAME[name].backend
        }
        leader = (max if highest else min)(numbers, key=numbers.__getitem__)
        ahead = (numbers[leader] - ours) * (1 if highest else -1) / ours
        if leader == OURS:
            continue
        verb = "is ahead" if ahead > max(LEVEL, abs(again - 1)) else "is level, within the control"
        lines.append(
            f"- {HEADS.get(work, work)} ({what}): **{leader}** {verb}, {numbers[leader]:.2f} "
            f"beside {ours:.2f}."
        )
    return lines


def sections(pythons: Pythons, rounds: int, only: Sequence[str], serializers: Sequence[str]) -> str:
    parts, winners = [], []
    controls = []
    for serializer in serializers:
        with arena(pythons, BLOCKING, serializer, only, limit=True) as processes:
            blocking = medians(measure(processes, CALLS, rounds)[0])
        with arena(pythons, ASYNCIO, serializer, only) as processes:
            cpu, rate = map(medians, measure(processes, READERS, rounds))
        parts += [
            f"## Blocking, {serializer}\n",
            f"CPU time, {BASE.name} = 1; less is better. The best backend of a column is bold.\n",
            chart(blocking, CALLS, pythons),
            f"\n## asyncio, {serializer}\n",
            f"CPU time of a call of `aget`, {BASE.name}'s asyncio client = 1; less is better.\n",
            chart(cpu, READERS, pythons),
            f"\n`aget` a second, {BASE.name}'s asyncio client = 1; more is better.\n",
            chart(rate, READERS, pythons, highest=True, digits=1),
            "",
        ]
        winners += [
            *wins(blocking, f"CPU time, {serializer}"),
            *wins(cpu, f"CPU time of aget, {serializer}"),
            *wins(rate, f"aget a second, {serializer}", highest=True),
        ]
        controls += [one[CONTROL] for ratios in (blocking, cpu) for one in ratios.values()]
    numbers = [one for one in controls if isinstance(one, float)]
    off = max(abs(one - 1) for one in numbers)
    control = f"The control differs from 1 by at most {off:.0%}"
    if off > LEVEL:
        control += (
            f", and by {statistics.median(abs(one - 1) for one in numbers):.0%} at the median: the "
            "machine had other work to do, and differences of that size mean nothing"
        )
    told = dict.fromkeys(
        pythons.told(one) for one in CONTENDERS if one.environment not in pythons.absent
    )
    known = dict.fromkeys(part for one in told for part in one.split(", "))
    parts += [
        "## Where a rival wins\n",
        "\n".join(winners) or "In none of these columns.",
        "",
        f"{machine()}; {rounds} rounds; Python {pythons.version}; {', '.join(known)}. {control}.",
    ]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--python", default=sys.executable, help="of all environments")
    parser.add_argument("--only", nargs="*", default=[], help="parts of backends' names")
    parser.add_argument("--serializer", nargs="*", default=[PICKLE, MSGPACK])
    parser.add_argument("--write", type=Path, help="the page to write the tables into")
    arguments = parser.parse_args()
    pythons = Pythons(arguments.python)
    one_processor()
    began = time.monotonic()
    print(
        f"{arguments.rounds} rounds take about {(arguments.rounds + 1) * 30 / 60:.0f} minutes on a "
        "machine that does nothing else.",
        file=sys.stderr,
    )
    text = sections(pythons, arguments.rounds, arguments.only, arguments.serializer)
    print(text)
    print(f"Took {(time.monotonic() - began) / 60:.1f} minutes.", file=sys.stderr)
    if arguments.write:
        fill(arguments.write, "the tables", text)
        subprocess.run([sys.executable, str(ROOT / "docs" / "draw_rivals.py")], check=True)


if __name__ == "__main__":
    main()
