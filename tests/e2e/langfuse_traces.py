"""Traces as Langfuse exports them ({"trace": …, "observations": […]}) as runs of wire events.

A generation becomes a model call and its answer, a tool observation a tool call and its answer; spans, agents and chains
are the framework's own structure and are left out. Names, counts, lengths, hashes and times only. Pure.
"""
import datetime
import json

from reference_replay import hash16


def _seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _length(value):
    return len(value) if isinstance(value, str) else 0 if value is None else len(json.dumps(value))


def _pair(observation):
    """(call, answer) as (time, type, payload), or nothing for an observation that is neither."""
    begin = _seconds(observation["startTime"])
    end = _seconds(observation.get("endTime") or observation["startTime"])
    usage, latency = observation.get("usageDetails") or {}, int((end - begin) * 1000)
    failed = observation.get("level") == "ERROR"
    if observation["type"] == "GENERATION":
        calls_tools = bool(observation.get("toolCallNames"))
        yield begin, "llm.called", {"model": observation.get("model") or "unknown", "prompt_tokens": usage.get("input") or 0}
        yield end, "llm.responded", {
            "completion_tokens": usage.get("output") or 0, "latency_ms": latency, "output_length": _length(observation.get("output")),
            "finish_reason": "error" if failed else "tool_calls" if calls_tools else "stop"}
    elif observation["type"] == "TOOL":
        name, text = observation["name"], json.dumps(observation.get("input"), sort_keys=True)
        yield begin, "tool.called", {"tool_name": name, "args_hash": hash16(text)}
        yield end, "tool.responded", {"tool_name": name, "success": not failed, "latency_ms": latency,
                                      "output_length": _length(observation.get("output"))}


def run_of(name, exported):
    """The run of one exported trace, in the step numbering of the packaged SDKs."""
    pairs = [pair for pair in (list(_pair(o)) for o in exported["observations"]) if pair]
    pairs.sort(key=lambda pair: pair[0][0])
    tools = sorted({payload["tool_name"] for pair in pairs for _, kind, payload in pair if kind == "tool.called"})
    begin = min((pair[0][0] for pair in pairs), default=0.0)
    end = max((pair[1][0] for pair in pairs), default=begin)
    events = [(0, begin, "run.started", {"tools": tools})]
    for step, pair in enumerate(pairs, 1):
        events += [(step, *part) for part in pair]
    events.append((len(pairs), end, "run.completed", {"exit_reason": "final_answer", "total_steps": len(pairs)}))
    return {"run_id": name, "events": [
        {"event_type": kind, "run_id": name, "agent_id": "langfuse", "agent_version": name, "step_index": step,
         "timestamp": at, "payload": payload} for step, at, kind, payload in events]}
