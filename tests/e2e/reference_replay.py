"""What the host stores of an event and how a run is replayed from its events (spec wire.md 3, 9.1; detectors.md 1).

Part of the independent implementation the host is judged by: written from the specification alone, never from the
host's sources. Pure functions, no I/O; called by reference.py and by the comparison of stored payloads.
"""
import base64
import hashlib
import json
import re
from dataclasses import dataclass, field

ANNOTATIONS = ("external.signal", "policy.triggered")
INT64_MIN, INT64_MAX = -(2 ** 63), 2 ** 63 - 1


# --- storage: what ingest makes of what was sent ----------------------------------------------------------------

def stored_text(text):
    """U+0000 cannot be stored and is removed; an unpaired surrogate becomes U+FFFD."""
    text = text.replace("\x00", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def stored_value(value):
    if isinstance(value, str):
        return stored_text(value)
    if isinstance(value, list):
        return [stored_value(v) for v in value]
    if isinstance(value, dict):
        return {stored_text(k): stored_value(v) for k, v in dict.items(value)}
    return value


def hash16(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _decoded(text):
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError:  # not Base64, or not UTF-8
        return None


def guarded(payload):
    """The privacy guard of wire.md 9.1: reversible argument and error texts are replaced by their hash16."""
    args, error = payload.get("args_hash"), payload.get("error_hash")
    out = dict(payload)
    if isinstance(args, str) and args:
        try:
            if isinstance(json.loads(_decoded(args) or ""), (dict, list)):
                out["args_hash"] = hash16(args)
        except ValueError:
            pass
    if isinstance(error, str) and error and not re.fullmatch(r"[0-9a-fA-F]{8,64}", error):
        text = _decoded(error)
        if text and all(c.isprintable() or c in "\t\r\n" for c in text):
            out["error_hash"] = hash16(error)
    return out


def stored_event(sent):
    """The event as a reader finds it: numbers coerced, texts cleaned, payload guarded."""
    return {
        "event_type": sent["event_type"],
        "run_id": stored_text(sent["run_id"]),
        "agent_id": stored_text(sent["agent_id"]),
        "agent_version": stored_text(sent["agent_version"]),
        "step_index": int(float(sent["step_index"])),
        "timestamp": float(sent.get("timestamp", 0.0)),
        "payload": guarded(stored_value(sent.get("payload") or {})),
        "parent_run_id": sent.get("parent_run_id"),
    }


# --- lenient reading of payload members -------------------------------------------------------------------------

def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_text(payload, key, default=None):
    value = payload.get(key)
    return value if isinstance(value, str) else default


def read_whole(payload, key, default=None):
    """Any finite number that fits into 64 bits, cut towards zero."""
    value = payload.get(key)
    if not is_number(value) or value != value or value in (float("inf"), float("-inf")):
        return default
    value = int(value)
    return value if INT64_MIN <= value <= INT64_MAX else default


def read_number(payload, key):
    value = payload.get(key)
    if not is_number(value):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if abs(value) != float("inf") and value == value else None


# --- the run ----------------------------------------------------------------------------------------------------

@dataclass
class ToolCall:
    name: str
    args_hash: str
    step: int
    event: int  # index in Run.events
    success: bool = None
    error_hash: str = None
    latency_ms: int = None


@dataclass
class LlmCall:
    model: str
    prompt_tokens: int
    step: int
    finish_reason: str
    output_length: int
    completion_tokens: int


@dataclass
class Step:
    step: int
    kind: str
    timestamp: float
    duration_ms: int


@dataclass
class Run:
    agent_id: str = ""
    agent_version: str = ""
    available_tools: list = field(default_factory=list)
    tools: list = field(default_factory=list)
    llms: list = field(default_factory=list)
    retrievals: list = field(default_factory=list)  # (index_name, result_count, top_score)
    externals: list = field(default_factory=list)   # (timestamp, name, source, meta)
    events: list = field(default_factory=list)
    steps: list = field(default_factory=list)
    current_step: int = 0
    exit_reason: str = None
    injection: dict = None
    baselines: dict = field(default_factory=dict)


def _canonical(value):
    """Equality of JSON values as PostgreSQL sees it: true is not 1, the order of members does not matter."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((k, _canonical(v)) for k, v in value.items())))
    if isinstance(value, list):
        return ("array", tuple(_canonical(v) for v in value))
    return (type(value).__name__ if isinstance(value, (bool, str)) or value is None else "number", value)


def in_replay_order(stored):
    return sorted(stored, key=lambda e: (e["step_index"], e["timestamp"]))  # stable: arrival is the last tie-breaker


def without_repeats(ordered):
    """Sending twice does no harm: an event equal in type, step, time and payload to an earlier one is ignored."""
    seen, kept = set(), []
    for event in ordered:
        key = (event["event_type"], event["step_index"], event["timestamp"], _canonical(event["payload"]))
        if key not in seen:
            seen.add(key)
            kept.append(event)
    return kept


def _answer_tool(run, event):
    payload = event["payload"]
    if payload.get("success") is None:
        return
    name = read_text(payload, "tool_name", "")
    open_calls = [c for c in reversed(run.tools) if c.success is None]
    match = next((c for c in open_calls if name and c.name == name), None)
    if match is None:
        match = next((c for c in open_calls if c.step == event["step_index"]), None)
    if match is None and not name:
        match = next(iter(open_calls), None)
    if match is not None:
        match.success = bool(payload["success"])
        match.error_hash = read_text(payload, "error_hash")
        match.latency_ms = read_whole(payload, "latency_ms")


def _answer_llm(run, pending, latencies, event):
    payload = event["payload"]
    call_index = pending.pop() if pending else None
    call = run.events[call_index] if call_index is not None else event
    called = call["payload"] if call_index is not None else {}
    if call_index is not None:
        latencies[call_index] = read_whole(payload, "latency_ms")
    run.llms.append(LlmCall(
        model=read_text(called, "model", read_text(payload, "model", "unknown")),
        prompt_tokens=read_whole(called, "prompt_tokens") or read_whole(payload, "prompt_tokens") or None,
        step=call["step_index"],
        finish_reason=read_text(payload, "finish_reason"),
        output_length=read_whole(payload, "output_length"),
        completion_tokens=read_whole(payload, "completion_tokens")))


def _read_external(event):
    payload = event["payload"]
    meta = dict(payload["meta"]) if isinstance(payload.get("meta"), dict) else {}
    meta.update({k: v for k, v in payload.items() if k not in ("signal_name", "source", "meta")})
    return (event["timestamp"], read_text(payload, "signal_name", ""), read_text(payload, "source", ""), meta)


def _durations(run, llm_latencies):
    latencies = dict(llm_latencies)
    latencies.update({c.event: c.latency_ms for c in run.tools})
    real = [(i, e) for i, e in enumerate(run.events) if e["event_type"] not in ANNOTATIONS]
    for (index, event), (_, following) in zip(real, real[1:]):
        gap = int((following["timestamp"] - event["timestamp"]) * 1000)  # towards zero: less than a millisecond is none
        if gap < 0:
            continue
        yield Step(event["step_index"], event["event_type"], event["timestamp"], max(gap, latencies.get(index) or 0))


def replay(sent_events, baselines=None):
    """The run that a list of wire events, in the order of their arrival, stands for; None without events."""
    ordered = without_repeats(in_replay_order([stored_event(e) for e in sent_events]))
    if not ordered:
        return None
    run = Run(agent_id=ordered[0]["agent_id"], agent_version=ordered[0]["agent_version"], events=ordered,
              current_step=max(e["step_index"] for e in ordered), baselines=dict(baselines or {}))
    pending, latencies = [], {}
    for index, event in enumerate(ordered):
        kind, payload = event["event_type"], event["payload"]
        if kind == "run.started":
            tools = payload.get("tools")
            run.available_tools = [t for t in tools if isinstance(t, str)] if isinstance(tools, list) else []
            signal = payload.get("injection_signal")
            if run.injection is None and isinstance(signal, dict) and signal:
                run.injection = signal
        elif kind == "run.completed":
            run.exit_reason = read_text(payload, "exit_reason", "completed")
        elif kind == "run.errored":
            run.exit_reason = "error"
        elif kind == "tool.called":
            run.tools.append(ToolCall(read_text(payload, "tool_name", "unknown"), read_text(payload, "args_hash", ""),
                                      event["step_index"], index))
        elif kind == "tool.responded":
            _answer_tool(run, event)
        elif kind == "llm.called":
            pending.append(index)
        elif kind == "llm.responded":
            _answer_llm(run, pending, latencies, event)
        elif kind == "retrieval.responded":
            run.retrievals.append((read_text(payload, "index_name", "unknown"), read_whole(payload, "result_count", 0),
                                   read_number(payload, "top_score")))
        elif kind == "external.signal":
            run.externals.append(_read_external(event))
    run.steps = list(_durations(run, latencies))
    return run
