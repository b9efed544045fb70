"""Writes the events of one run in the step numbering of either kind of client (spec wire.md 4.12, 9.1).

Used by the tests and by the generator of random runs. One builder per run; no I/O.

    run = RunBuilder("r-1"); run.start(tools=["search"]); run.tool("search", success=True); run.complete()
    run.events      # wire events in the order they happened
"""
import uuid

BASE_TIME = 1767225600.0
ABSENT = object()  # a member that is left out, as opposed to null


def without_absent(members):
    return {k: v for k, v in members.items() if v is not ABSENT}


class RunBuilder:
    """`numbering` is "sdk" (call and response share an index) or "manual" (every event advances the counter)."""

    def __init__(self, run_id=None, agent_id="agent", agent_version="v1", numbering="sdk", now=BASE_TIME, tick=0.1):
        self.run_id = run_id or str(uuid.uuid4())
        self.agent_id, self.agent_version = agent_id, agent_version
        self.numbering = numbering
        self.now, self.tick = now, tick
        self.step = 0
        self.events = []

    def emit(self, event_type, payload=None, advance=False, step=None, after=None):
        """`after` = seconds since the previous event; `step` overrides the counter."""
        if self.events:
            self.now += self.tick if after is None else after
        if step is None:
            if advance or (self.numbering == "manual" and self.events):
                self.step += 1
            step = self.step
        event = {"event_type": event_type, "run_id": self.run_id, "agent_id": self.agent_id,
                 "agent_version": self.agent_version, "step_index": step, "timestamp": round(self.now, 6),
                 "payload": without_absent(payload or {})}
        self.events.append(event)
        return step

    def start(self, tools=ABSENT, model="gpt-4o", **more):
        self.emit("run.started", {"model": model, "tools": tools, **more})
        return self

    def complete(self, exit_reason=ABSENT, **more):
        self.emit("run.completed", {"exit_reason": exit_reason, "total_steps": self.step, **more})
        return self

    def error(self, **more):
        self.emit("run.errored", {"error_type": "ValueError", **more})
        return self

    def call_tool(self, name, args_hash="44136fa355b3678a", **timing):
        return self.emit("tool.called", {"tool_name": name, "args_hash": args_hash}, advance=True, **timing)

    def answer_tool(self, name, success=True, step=None, after=None, latency_ms=ABSENT, error_hash=ABSENT):
        self.emit("tool.responded", {"tool_name": name, "success": success, "output_length": 10,
                                     "latency_ms": latency_ms, "error_hash": error_hash}, step=step, after=after)

    def tool(self, name, success=True, args_hash="44136fa355b3678a", after=None, **answer):
        """A call and, a moment or `after` seconds later, its response; success=None leaves the outcome unknown."""
        step = self.call_tool(name, args_hash)
        self.answer_tool(name, success, step=None if self.numbering == "manual" else step, after=after, **answer)
        return self

    def llm(self, prompt_tokens=100, finish_reason="stop", output_length=50, completion_tokens=20, model="gpt-4o",
            after=None, answered=True, latency_ms=ABSENT, response_tokens=ABSENT, response_model=ABSENT):
        step = self.emit("llm.called", {"model": model, "prompt_tokens": prompt_tokens}, advance=True)
        if answered:
            self.emit("llm.responded",
                      {"finish_reason": finish_reason, "output_length": output_length, "latency_ms": latency_ms,
                       "completion_tokens": completion_tokens, "prompt_tokens": response_tokens,
                       "model": response_model},
                      step=None if self.numbering == "manual" else step, after=after)
        return self

    def retrieval(self, result_count=3, top_score=0.8, index_name="docs"):
        step = self.emit("retrieval.called", {"index_name": index_name, "query_hash": ""}, advance=True)
        self.emit("retrieval.responded", {"index_name": index_name, "result_count": result_count,
                                          "top_score": top_score, "latency_ms": 12},
                  step=None if self.numbering == "manual" else step)
        return self

    def external(self, name, source=ABSENT, after=None, **meta):
        self.emit("external.signal", {"signal_name": name, "source": source, **meta}, after=after)
        return self

    def policy(self, name="limit", action="log"):
        self.emit("policy.triggered", {"policy_name": name, "action_type": action, "trigger": "step_count", "value": 3})
        return self
