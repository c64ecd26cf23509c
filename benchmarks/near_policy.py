"""What near keeps, beside other ways to choose: the part of reads that a copy answers.

    python benchmarks/near_policy.py [--room 1000] [--reads 100] [--write docs/measured.md]

No server: the store of near itself, on traces of known shapes (``near_traces.py``), beside an LRU
as functools has it and the caches of cachetools. The second figure of near's is the part of reads
for which it asked for a copy, which is what it pays; the others keep all that they read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cachetools
from near_traces import Near, Read, of_functools, of_mapping, ratio, shapes
from pages import fill
from tables import table

OTHERS: dict[str, Callable[[int], Read]] = {
    "functools' LRU": of_functools,
    "LFU": lambda room: of_mapping(cachetools.LFUCache(room)),
    "FIFO": lambda room: of_mapping(cachetools.FIFOCache(room)),
    "by chance": lambda room: of_mapping(cachetools.RRCache(room)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--room", type=int, default=1000, help="values that each has room for")
    parser.add_argument("--reads", type=int, default=100, help="so many times the room")
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    arguments = parser.parse_args()
    room, reads = arguments.room, arguments.room * arguments.reads
    rows = []
    for name, trace in shapes(room).items():
        near = Near(room)
        row = [ratio(near.read, trace(), reads)]
        row += [ratio(make(room), trace(), reads) for make in OTHERS.values()]
        rows.append([name, *[f"{each:.1%}" for each in row], f"{near.asked / reads:.1%}"])
        print(rows[-1], file=sys.stderr, flush=True)
    text = table(["reads", "near", *OTHERS, "copies asked for by near"], rows)
    print(text)
    if arguments.write:
        fill(arguments.write, "near-policy", text)


if __name__ == "__main__":
    main()
