"""OpenTelemetry's plugin with the exporter that sites have: what a ``get`` costs with all of it.

    python benchmarks/otlp.py [--rounds 15]

Prints ratios of CPU time to the same cache without observers, as ``observers.py`` does; here the
SDK's own batches go as OTLP over HTTP to a process on this host, which counts what arrives. A call
is counted with the sending of its spans: each block of calls ends by ``force_flush``. What the
receiver spends is not counted. The exporter comes from the package index, into ``build/otlp``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from environments import ROOT, environment, machine, versions
from tables import table

EXPORTER = "opentelemetry-exporter-otlp-proto-http"
REQUIREMENTS = [
    *("--editable", f"{ROOT}[testing]"),
    *("--editable", f"{ROOT}/plugins/opentelemetry"),
    *("hiredis", "opentelemetry-sdk", EXPORTER),
]

#: Calls of a block, whose 512 spans are as many as the SDK sends at once.
BLOCK = 256


def receive() -> None:
    """Counts spans and requests until its stdin is closed; the port, and what it has counted."""
    import threading

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )

    seen: Counter[str] = Counter()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # the exporter keeps its connection

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            seen[self.path] += 1
            if self.path == "/v1/traces":
                told = ExportTraceServiceRequest.FromString(body)
                spans = [
                    span
                    for of_resource in told.resource_spans
                    for of_scope in of_resource.scope_spans
                    for span in of_scope.spans
                ]
                known = {span.span_id for span in spans}
                for span in spans:
                    below = " below another" if span.parent_span_id in known else ""
                    seen[f"{span.name}{below}"] += 1
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_port, flush=True)
        sys.stdin.read()
        server.shutdown()
    print(json.dumps(seen), flush=True)


def export(port: int) -> Callable[[], object]:
    """Sets up the SDK as its documentation does; what sends all that is there."""
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    collector = f"http://127.0.0.1:{port}/v1"
    tracing = TracerProvider()
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector}/traces")))
    trace.set_tracer_provider(tracing)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{collector}/metrics"))
    metrics.set_meter_provider(MeterProvider([reader]))
    return tracing.force_flush


def measure(url: str, port: int, rounds: int) -> None:
    import django
    from django.conf import settings
    from interleaved import compare

    backend = {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": url}
    named = {"NAME": "opentelemetry", "OPTIONS": {"opentelemetry_spans": "none"}}
    settings.configure(
        CACHES={
            "default": backend,
            "spans": {**backend, "OPTIONS": {"OBSERVERS": "opentelemetry"}},
            "metrics": {**backend, "OPTIONS": {"OBSERVERS": [named]}},
        }
    )
    django.setup()
    from django.core.cache import caches

    send, calls = export(port), Counter[str]()

    def block(alias: str, after: Callable[[], object] = lambda: None) -> Callable[[], None]:
        get = caches[alias].get

        def run() -> None:
            for _ in range(BLOCK):
                get("small")
            calls[alias] += BLOCK
            after()

        return run

    caches["default"].set("small", "x" * 100)
    base, variants = block("default"), {"spans": block("spans", send), "metrics": block("metrics")}
    compare(base, variants, rounds=1)  # the first of a process is never right
    outcome = compare(base, variants, rounds=rounds)
    send()
    print(
        json.dumps(
            {
                "ratios": dict(outcome.ratios),
                "control": outcome.control,
                "microseconds": outcome.base_microseconds / BLOCK,
                "spans": 2 * calls["spans"],
            }
        ),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--measure", nargs=2, metavar=("URL", "PORT"))
    parser.add_argument("--receive", action="store_true")
    arguments = parser.parse_args()
    if arguments.receive:
        receive()
        return
    if arguments.measure:
        url, port = arguments.measure
        measure(url, int(port), arguments.rounds)
        return
    from django_redis_core.testing.servers import Server

    python = environment("otlp", REQUIREMENTS)
    receiving = subprocess.Popen(
        [python, __file__, "--receive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with Server() as server, receiving as receiver:
        assert receiver.stdout is not None
        port = receiver.stdout.readline().strip()
        command = [python, __file__, "--rounds", str(arguments.rounds)]
        out = subprocess.run(
            [*command, "--measure", server.url, port],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        arrived = json.loads(receiver.communicate()[0])
    found = json.loads(out)
    rows = [
        ["metrics alone, sent every minute", f"{found['ratios']['metrics']:.1f}"],
        [
            "two spans and the metrics, every call sampled and sent",
            f"{found['ratios']['spans']:.1f}",
        ],
    ]
    mark = "" if abs(found["control"] - 1) <= 0.03 else " (noisy: repeat)"
    print(table(["OTLP over HTTP", "ratio"], rows))
    print(
        f"\n{found['microseconds']:.0f} µs without observers; control {found['control']:.3f}{mark}."
        f" {found['spans']:,} spans made; arrived: {arrived}."
        f"\n{EXPORTER} {versions(python, [EXPORTER])[EXPORTER]}, "
        f"Python {platform.python_version()}, {machine()}."
    )


if __name__ == "__main__":
    main()
