"""What is learned from judged runs, written a second time: baselines (spec detectors.md 4) and issues (pipeline.md 2).

Slow and simple on purpose: everything is computed anew for every judgement. Pure functions, no I/O.

    agent = Learned()
    agent.judge(run_id, version, sample, live_types, at)    # in the order of the judgements
    agent.baselines(run_id, version)                        # before it: what the run is to be judged with
"""
POPULATION, LEAST = 50, 20
CLEAN_RUNS_TO_RESOLVE = 5
MOST_DURATIONS = 1024


def percentile75(values):
    values = sorted(values)
    position = 0.75 * (len(values) - 1)
    below = int(position)
    if below + 1 == len(values):
        return float(values[below])
    return values[below] + (position - below) * (values[below + 1] - values[below])


def _thinned(durations):
    durations = sorted(durations)
    if len(durations) <= MOST_DURATIONS:
        return durations
    return [durations[n * (len(durations) - 1) // (MOST_DURATIONS - 1)] for n in range(MOST_DURATIONS)]


def sample_of(run):
    """What a replayed run (reference_replay.Run) adds to what is usual; None when it does not count."""
    kinds = [event["event_type"] for event in run.events] if run else []
    if "run.completed" not in kinds or "run.errored" in kinds:
        return None
    tokens = [call.prompt_tokens for call in run.llms if (call.prompt_tokens or 0) > 0]
    growth = tokens[-1] / tokens[0] if len(tokens) >= 3 and tokens[0] >= 10 and tokens[-1] >= 2000 else None
    models, tools = kinds.count("llm.called"), kinds.count("tool.called")
    return {
        "steps": run.current_step,
        "tool_ms": _thinned([s.duration_ms for s in run.steps if s.kind == "tool.called"]),
        "llm_ms": _thinned([s.duration_ms for s in run.steps if s.kind == "llm.called"]),
        "token_growth": growth,
        "llm_tool_ratio": models / max(tools, 1) if models >= 5 else None,
    }


class Learned:
    """One agent of one customer."""

    def __init__(self):
        self.samples = []  # (run_id, version, sample), newest first
        self.judged = {}   # run_id → (live types, since when), in that order; no run of these leaves the agent

    def baselines(self, run_id, version):
        others = [s for r, v, s in self.samples if v == version and r != run_id][:POPULATION]
        found = {}
        for name, values in (("steps", [s["steps"] for s in others]),
                             ("token_growth", [s["token_growth"] for s in others if s["token_growth"] is not None]),
                             ("llm_tool_ratio", [s["llm_tool_ratio"] for s in others if s["llm_tool_ratio"] is not None])):
            if len(values) >= LEAST:
                found[name] = percentile75(values)
        for name, key in (("tool_latency_ms", "tool_ms"), ("llm_latency_ms", "llm_ms")):
            lists = [s[key] for s in others if s[key]]
            if len(lists) >= LEAST:
                found[name] = percentile75([ms for durations in lists for ms in durations])
        return found

    def judge(self, run_id, version, sample, live_types, at):
        self.samples = [kept for kept in self.samples if kept[0] != run_id]
        if sample is not None:
            self.samples.insert(0, (run_id, version, sample))
        known, live = self.judged.get(run_id), set(live_types)
        if known and known[0] == live:
            return False  # it says nothing new, and keeps its place
        self.judged.pop(run_id, None)
        self.judged[run_id] = (live, at)
        return True

    def issues(self):
        """failure type → row."""
        rows = {}
        for live, at in self.judged.values():
            for failure_type in live:
                row = rows.setdefault(failure_type, {"status": "open", "first_seen": at, "affected_runs": 0})
                if row["status"] == "resolved":
                    row["status"] = "reopened"
                row.update(resolved_at="", last_seen=at, clean_runs_since=0, affected_runs=row["affected_runs"] + 1)
            for failure_type in rows.keys() - live:
                row = rows[failure_type]
                if row["status"] != "resolved":
                    row["clean_runs_since"] += 1
                    if row["clean_runs_since"] == CLEAN_RUNS_TO_RESOLVE:
                        row.update(status="resolved", resolved_at=at)
        return rows
