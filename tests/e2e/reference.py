"""The fifteen detectors, overrides and boost of spec detectors.md 2, 3 and 5, written a second time.

The host is compared with this: whoever changes a rule changes the specification first, then both sides. Read the
specification, not the host's sources, when working on it. Pure functions, no I/O.

    verdict = evaluate(events)          # wire events in the order of their arrival
    verdict.signals["TOOL_LOOP"].confidence
"""
from dataclasses import dataclass, field

import reference_replay

SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


class Rounded:
    """A number that leaves the system rounded. Keeps the unrounded one, so that a tie may round either way."""

    def __init__(self, raw, digits):
        self.raw, self.digits, self.value = raw, digits, round(raw, digits)

    def __repr__(self):
        return repr(self.value)

    def __eq__(self, other):
        return self.value == (other.value if isinstance(other, Rounded) else other)


@dataclass
class Signal:
    failure_type: str
    severity: str
    raw_confidence: float
    step: int
    evidence: dict
    co_signal_count: int = 0

    @property
    def confidence(self):
        return round(self.raw_confidence, 4)


@dataclass
class Verdict:
    signals: dict = field(default_factory=dict)  # failure type → Signal
    run: object = None


def scale(ratio):
    return min(1.0, 0.5 + (ratio - 1) * 0.4)


def _first_most_common(values):
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return max(counts.items(), key=lambda item: item[1])  # the first one on ties: dicts keep the order of arrival


def _failures_at_end(run):
    count = 0
    for call in reversed(run.tools):
        if call.success is not False:
            break
        count += 1
    return run.tools[len(run.tools) - count:]


def _is_empty(call):
    return (call.finish_reason in ("stop", "end_turn") and call.output_length == 0
            and not (call.completion_tokens or 0) > 0)


def tool_loop(run, window=5, threshold=3):
    if len(run.tools) < window:
        return None
    names = [c.name for c in run.tools[-window:]]
    name = next((n for n in names if names.count(n) >= threshold), None)
    if name is None:
        return None
    calls = [c for c in run.tools if c.name == name]
    answered = [c.success for c in calls if c.success is not None]
    first, last = calls[0].step, calls[-1].step
    wasted = sum(c.prompt_tokens for c in run.llms if c.prompt_tokens is not None and first < c.step <= last)
    hashes = [c.args_hash for c in calls]
    return Signal("TOOL_LOOP", "HIGH", scale(len(calls) / threshold), run.tools[-1].step, {
        "tool": name, "count": len(calls), "window": window, "first_step": first, "last_step": last,
        "step_indices": [c.step for c in calls], "args_hashes": hashes,
        "args_identical": len(set(hashes)) == 1, "args_similar": len(set(hashes)) <= 2,
        "success_rate": Rounded(sum(answered) / len(answered), 2) if answered else None,
        "wasted_tokens": wasted or None})


def tool_thrashing(run, window=6):
    names = [c.name for c in run.tools[-window:]]
    if len(names) < window or len(set(names)) != 2 or any(a == b for a, b in zip(names, names[1:])):
        return None
    return Signal("TOOL_THRASHING", "HIGH", 0.90, run.current_step,
                  {"tool_a": names[0], "tool_b": names[1], "pattern": names, "count": window})


def tool_avoidance(run, min_llm_calls=2):
    if run.exit_reason != "final_answer" or not run.available_tools or run.tools or len(run.llms) < min_llm_calls:
        return None
    return Signal("TOOL_AVOIDANCE", "MEDIUM", 0.75, run.current_step,
                  {"available_tools": run.available_tools, "tool_calls_made": 0, "llm_calls": len(run.llms)})


def goal_abandonment(run, stall_steps=4):
    kinds = [e["event_type"] for e in run.events if e["event_type"] not in reference_replay.ANNOTATIONS][-stall_steps:]
    if run.exit_reason is not None or not run.tools or len(kinds) < stall_steps:
        return None
    if not all(kind.startswith("llm.") for kind in kinds):
        return None
    last = run.tools[-1]
    idle = run.current_step - last.step
    return Signal("GOAL_ABANDONMENT", "MEDIUM", scale(idle / stall_steps), run.current_step, {
        "stall_steps": stall_steps, "last_tool_step": last.step, "last_tool_used": last.name,
        "current_step": run.current_step, "steps_since_last_tool": idle, "stall_event_sequence": kinds})


def rag_empty_retrieval(run, min_score=0.3, min_results=1):
    bad = [r for r in run.retrievals if r[1] < min_results or (r[2] is not None and r[2] < min_score)]
    if run.exit_reason != "final_answer" or not bad:
        return None
    index_name, result_count, top_score = min(bad, key=lambda r: r[1])
    return Signal("RAG_EMPTY_RETRIEVAL", "MEDIUM", 0.88, run.current_step, {
        "index_name": index_name, "result_count": result_count, "top_score": top_score, "bad_retrievals": len(bad)})


def llm_truncation_loop(run, threshold=2):
    cut = [c for c in run.llms if c.finish_reason in ("length", "max_tokens")]
    if len(cut) < threshold:
        return None
    return Signal("LLM_TRUNCATION_LOOP", "HIGH", scale(len(cut) / threshold), run.current_step, {
        "truncation_count": len(cut), "total_llm_calls": len(run.llms),
        "first_truncation_step": cut[0].step, "last_truncation_step": cut[-1].step,
        "token_counts_at_truncation": [c.prompt_tokens for c in cut if c.prompt_tokens is not None],
        "models": sorted({c.model for c in cut})})


def context_bloat(run, min_calls=3, growth_factor=3.0, min_last_tokens=2000, inflation_factor=2.0):
    calls = [c for c in run.llms if (c.prompt_tokens or 0) > 0]
    if len(calls) < min_calls or calls[0].prompt_tokens < 10 or calls[-1].prompt_tokens < min_last_tokens:
        return None
    baseline = run.baselines.get("token_growth")
    threshold = growth_factor if baseline is None else baseline * inflation_factor
    growth = calls[-1].prompt_tokens / calls[0].prompt_tokens
    if growth < threshold:
        return None
    evidence = {
        "first_tokens": calls[0].prompt_tokens, "last_tokens": calls[-1].prompt_tokens,
        "growth_factor": Rounded(growth, 2), "threshold_factor": Rounded(threshold, 2), "llm_call_count": len(calls),
        "first_call_step": calls[0].step, "last_call_step": calls[-1].step,
        "token_growth_sequence": [{"step": c.step, "tokens": c.prompt_tokens} for c in calls]}
    if baseline is not None:
        evidence["baseline_p75"] = Rounded(baseline, 2)
    return Signal("CONTEXT_BLOAT", "MEDIUM", scale(growth / threshold), run.current_step, evidence)


def _step_limit(run, kind, inflation_factor, limits):
    """(threshold in ms, label, baseline used or None) for a step that began with an event of this kind."""
    name, label = {"tool.called": ("tool", "tool execution"), "llm.called": ("llm", "LLM call")}.get(kind, ("", "step"))
    baseline = run.baselines.get(name + "_latency_ms") if name else None
    if baseline is not None:
        return max(1, int(baseline * inflation_factor)), label, baseline
    return limits[name or "step"], label, None


def _coincident(run, entry):
    for timestamp, name, source, meta in run.externals:
        if entry.timestamp <= timestamp <= entry.timestamp + entry.duration_ms / 1000:
            yield {k: v for k, v in (("signal_name", name), ("source", source), ("meta", meta)) if v}


def slow_step(run, inflation_factor=2.0, tool_ms=15000, llm_ms=30000, step_ms=60000):
    limits = {"tool": tool_ms, "llm": llm_ms, "step": step_ms}
    slow, worst = {}, None
    for entry in run.steps:
        threshold, label, baseline = _step_limit(run, entry.kind, inflation_factor, limits)
        if entry.duration_ms <= threshold:
            continue
        slow[str(entry.step)] = max(entry.duration_ms, slow.get(str(entry.step), 0))
        if worst is None or entry.duration_ms / threshold > worst[0]:
            worst = (entry.duration_ms / threshold, entry, threshold, label, baseline)
    if worst is None:
        return None
    ratio, entry, threshold, label, baseline = worst
    evidence = {"step_index": entry.step, "duration_ms": entry.duration_ms, "threshold_ms": threshold,
                "event_type": entry.kind, "step_label": label, "ratio": Rounded(ratio, 1), "all_slow_steps": slow}
    if baseline is not None:
        evidence["baseline_p75"] = Rounded(baseline, 1)
    coincident = list(_coincident(run, entry))
    if coincident:
        evidence["coincident_signals"] = coincident
    return Signal("SLOW_STEP", "HIGH" if ratio >= 5 else "MEDIUM", scale(ratio), entry.step, evidence)


def _failure_streaks(run):
    streak = []
    for call in run.tools:
        if streak and (call.success is not False or call.name != streak[0].name):
            yield streak
            streak = []
        if call.success is False:
            streak.append(call)
    if streak:
        yield streak


def retry_storm(run, threshold=3):
    def recovered(streak):
        return any(c.success and c.name == streak[0].name and c.step > streak[-1].step for c in run.tools)

    open_streaks = [s for s in _failure_streaks(run) if len(s) >= threshold and not recovered(s)]
    if not open_streaks:
        return None
    streak = max(reversed(open_streaks), key=len)  # the latest on ties
    hashes = [c.error_hash for c in streak]
    same = None not in hashes and len(set(hashes)) == 1
    return Signal("RETRY_STORM", "HIGH", scale(len(streak) / threshold), run.current_step, {
        "tool": streak[0].name, "consecutive_fails": len(streak), "threshold": threshold,
        "first_fail_step": streak[0].step, "step_indices": [c.step for c in streak],
        "args_identical": len({c.args_hash for c in streak}) == 1, "error_hashes": hashes,
        "reason_identical": same, "failure_reason_hash": hashes[0] if same else None})


def empty_llm_response(run):
    empty = [c for c in run.llms if _is_empty(c)]
    if not empty:
        return None
    return Signal("EMPTY_LLM_RESPONSE", "HIGH", 0.95, empty[0].step,
                  {"occurrences": len(empty), "first_step": empty[0].step, "finish_reason": "stop"})


def step_count_inflation(run, inflation_factor=2.0):
    baseline = run.baselines.get("steps")
    if baseline is None or run.current_step <= baseline * inflation_factor:
        return None
    # The specification says nothing of usual runs without a single step: any step is then infinitely many too many.
    confidence = scale(run.current_step / (baseline * inflation_factor)) if baseline else 1.0
    return Signal("STEP_COUNT_INFLATION", "MEDIUM", confidence, run.current_step,
                  {"current_steps": run.current_step, "baseline_p75": Rounded(baseline, 1),
                   "inflation_ratio": Rounded(run.current_step / baseline, 2) if baseline else None,
                   "threshold_factor": inflation_factor})


def cascading_tool_failure(run, threshold=3):
    failed = _failures_at_end(run)
    if len(failed) < threshold or len({c.name for c in failed}) < 2:
        return None
    return Signal("CASCADING_TOOL_FAILURE", "HIGH", scale(len(failed) / threshold), run.current_step, {
        "consecutive_failures": len(failed), "distinct_tools": sorted({c.name for c in failed}),
        "threshold": threshold, "first_fail_step": failed[0].step})


def first_step_failure(run, max_step=2):
    def signal(confidence, step, trigger, **more):
        return Signal("FIRST_STEP_FAILURE", "MEDIUM", confidence, step,
                      {"trigger": trigger, "failed_step": step, "max_step": max_step, **more})

    if run.exit_reason == "error" and run.current_step <= max_step:
        return signal(0.90, run.current_step, "run_errored")
    for call in run.llms:
        if call.step <= max_step and _is_empty(call):
            return signal(0.88, call.step, "empty_llm_response")
    for call in run.tools:
        if call.step <= max_step and call.success is False:
            return signal(0.85, call.step, "tool_failure", tool=call.name)
    return None


def reasoning_stall(run, min_llm_calls=5, ratio_threshold=4.0, inflation_factor=2.0):
    if run.exit_reason == "error" or len(run.llms) < min_llm_calls:
        return None
    baseline = run.baselines.get("llm_tool_ratio")
    threshold = ratio_threshold if baseline is None else baseline * inflation_factor
    ratio = len(run.llms) / max(len(run.tools), 1)
    if ratio < threshold:
        return None
    sequence = [e["event_type"].split(".")[0] for e in run.events if e["event_type"] in ("llm.called", "tool.called")]
    evidence = {"llm_calls": len(run.llms), "tool_calls": len(run.tools), "ratio": Rounded(ratio, 2),
                "threshold": Rounded(threshold, 2), "exit_reason": run.exit_reason, "event_sequence": sequence}
    if baseline is not None:
        evidence["baseline_p75"] = Rounded(baseline, 2)
    return Signal("REASONING_STALL", "MEDIUM" if run.exit_reason == "final_answer" else "HIGH",
                  scale(ratio / threshold), run.current_step, evidence)


def prompt_injection_signal(run):
    if run.injection is None:
        return None
    count = reference_replay.read_whole(run.injection, "matched_pattern_count", 1)
    return Signal("PROMPT_INJECTION_SIGNAL", "CRITICAL", scale(count), 0, run.injection)


DETECTORS = (tool_loop, tool_thrashing, tool_avoidance, goal_abandonment, rag_empty_retrieval, llm_truncation_loop,
             context_bloat, slow_step, retry_storm, empty_llm_response, step_count_inflation, cascading_tool_failure,
             first_step_failure, reasoning_stall, prompt_injection_signal)
FAILURE_TYPES = tuple(d.__name__.upper() for d in DETECTORS)


def by_unknown_detectors(signals):
    """Of the signals a host shows those of detectors that are not written down here. Such a one is new and in shadow."""
    unknown = [s for s in signals if s["failure_type"] not in FAILURE_TYPES]
    for signal in unknown:
        if not signal["shadow"]:
            raise AssertionError("%s is live and has no second implementation in tests/e2e/reference.py" % signal["failure_type"])
    return unknown


def _override(run):
    """(severity, confidence) of the first hard override that applies, or None."""
    if run.tools:
        name, calls = _first_most_common(c.name for c in run.tools)
        if calls >= 8:
            _, same = _first_most_common(c.args_hash for c in run.tools if c.name == name)
            if same / calls >= 0.9:
                return "CRITICAL", 0.98
    return ("HIGH", 0.95) if len(_failures_at_end(run)) >= 5 else None


def _post_process(run, signals, others):
    count = len(signals) + others
    override = _override(run)
    factor = {0: 1.0, 1: 1.0, 2: 1.15, 3: 1.30}.get(count, 1.40)
    for signal in signals:
        signal.co_signal_count = count if count > 1 else 0
        if override:
            keep = signal.severity == "CRITICAL"  # a security signal must not be demoted
            signal.severity, signal.raw_confidence = ("CRITICAL" if keep else override[0]), override[1]
        elif count > 1:
            signal.raw_confidence = min(1.0, signal.raw_confidence * factor)


def evaluate(sent_events, baselines=None, others=0):
    """Judges a run with default parameters. `baselines`: any of steps, tool_latency_ms, llm_latency_ms,
    token_growth, llm_tool_ratio. `others`: signals of detectors that are not written down here, which count as well."""
    run = reference_replay.replay(sent_events, baselines)
    if run is None:
        return Verdict()
    signals = [s for s in (detector(run) for detector in DETECTORS) if s is not None]
    _post_process(run, signals, others)
    return Verdict({s.failure_type: s for s in signals}, run)
