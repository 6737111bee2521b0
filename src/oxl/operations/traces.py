"""Which trace a request belongs to: W3C and B3 headers are read, and spans are sent on where the environment says so.

Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is recorded; a request still has a trace id, for its log line and the audit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.propagators.b3 import B3MultiFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_READ = CompositePropagator([B3MultiFormat(), TraceContextTextMapPropagator()])  # where both are there, W3C counts
_NAMES = ("traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags")
_recording: list[str] = []  # the services that spans are recorded for
_BYTES = frozenset(name.encode() for name in _NAMES)


def set_up(name: str) -> None:
    """Record spans under a service's name and send them on, where the environment says where to (OTEL_…)."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", name)}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _recording.append(name)


def close() -> None:
    """Send on what is still to be sent."""
    shutdown = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shutdown:
        shutdown()


@contextmanager
def span(name: str, headers: Sequence[tuple[bytes, bytes]]) -> Iterator[tuple[str, bool, Span]]:
    """The id of a request's trace, whether its client or a recorder knows it, and its span."""
    told: Mapping[str, str] = {n.decode("latin-1"): value.decode("latin-1") for n, value in headers if n in _BYTES}
    if not told and not _recording:  # nobody asks for more than an id
        yield os.urandom(16).hex(), False, trace.INVALID_SPAN
        return
    context = _READ.extract(told) if told else None
    with trace.get_tracer("oxl").start_as_current_span(name, context, SpanKind.SERVER) as found:
        known = found.get_span_context()
        trace_id = trace.format_trace_id(known.trace_id) if known.is_valid else os.urandom(16).hex()
        yield trace_id, known.is_valid, found


def tell(found: Span, method: str, route: str, status: int) -> None:
    """What became of the request, in the names of the semantic conventions."""
    if found.is_recording():
        told = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        found.set_attributes(told)
        if status >= 500:
            found.set_status(Status(StatusCode.ERROR))
