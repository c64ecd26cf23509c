"""Bytes and time of each compressor, for records of one sort as JSON.

    python benchmarks/compressors.py

Small records (about 350 bytes) and lists of thirty of them. The dictionary of "zstd, dictionary"
has 16 KB and was trained on 2,000 other records.
"""

from __future__ import annotations

import json
import random
import time

import zstandard

from django_redis_core._plugins.registry import registry

COMPRESSORS = ("zlib", "gzip", "lz4", "zstd", "lzma")
CITIES = "Athens Bergen Cork Derry Essen Faro Genoa Halle Izmir Jena Kiel Lyon".split()


def record(random: random.Random) -> dict[str, object]:
    number = random.randrange(10**6)
    city = random.choice(CITIES)
    return {
        "id": number,
        "username": f"{random.choice(CITIES).lower()}{number % 9999}",
        "email": f"{city.lower()}.{number}@mail.example.com",
        "first_name": random.choice(CITIES),
        "last_name": f"{random.choice(CITIES)}-{random.choice(CITIES)}",
        "is_active": random.random() < 0.9,
        "is_staff": random.random() < 0.1,
        "date_joined": f"2026-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}T09:30:00Z",
        "address": {"street": f"{random.randrange(200)} Main Street", "city": city},
        "permissions": random.sample(["add_order", "view_order", "change_order", "add_user"], 2),
    }


def microseconds(work: object, data: list[bytes]) -> float:
    best = float("inf")
    for _ in range(7):
        began = time.process_time()
        for each in data:
            work(each)  # type: ignore[operator]
        best = min(best, time.process_time() - began)
    return best / len(data) * 1e6


def main() -> None:
    chance = random.Random(4711)
    trained = [json.dumps(record(chance)).encode() for _ in range(2000)]
    dictionary = zstandard.train_dictionary(16 * 1024, trained).as_bytes()
    sorts = {
        "one record": [json.dumps(record(chance)).encode() for _ in range(500)],
        "thirty records": [
            json.dumps([record(chance) for _ in range(30)]).encode() for _ in range(50)
        ],
    }
    built = {
        name: registry.plugin("compressor", name, "benchmark")(min_length=0) for name in COMPRESSORS
    }
    built["zstd, dictionary"] = registry.plugin("compressor", "zstd", "benchmark")(
        min_length=0, dictionary=dictionary
    )
    for sort, data in sorts.items():
        size = sum(map(len, data)) / len(data)
        print(f"| {sort}, {size:,.0f} bytes | of the bytes | µs to compress | µs to read |")
        print("| --- | --- | --- | --- |")
        for name, compressor in built.items():
            packed = [compressor.compress(each) for each in data]
            assert [compressor.decompress(each) for each in packed] == data
            share = sum(map(len, packed)) / sum(map(len, data))
            writing = microseconds(compressor.compress, data)
            reading = microseconds(compressor.decompress, packed)
            print(f"| {name} | {share:.2f} | {writing:.1f} | {reading:.1f} |")
        print()


if __name__ == "__main__":
    main()
