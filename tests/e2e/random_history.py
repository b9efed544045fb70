"""What an agent is used to, for a random run: learned values around the edges of the four rules that use them.

Used by test_judgements.py and test_generator.py. Pure; all randomness comes from the generator passed in.
"""
from reference_replay import replay


def _around(rng, observed, factor=2.0):
    """A learned value for which `observed` is at, just above, just below or far from the learned threshold."""
    return observed / factor * rng.choice([1, 1, 1.0001, 0.9999, 1.2, 0.8, 0.5, 0.4, 3])


def history(rng, events):
    """Any of the five learned values of a run; none of them for about a third of all runs."""
    run = replay(events)
    if run is None or rng.random() < 0.35:
        return {}
    tokens = [c.prompt_tokens for c in run.llms if (c.prompt_tokens or 0) > 0]
    durations = {kind: [s.duration_ms for s in run.steps if s.kind == kind] for kind in ("tool.called", "llm.called")}
    learned = {"steps": _around(rng, max(run.current_step, 1))}
    if rng.random() < 0.2:
        learned["steps"] = rng.choice([0, 0.5, 1, 2.75, 6, 40])
    if tokens and tokens[0] > 0:
        learned["token_growth"] = _around(rng, tokens[-1] / tokens[0])
    learned["llm_tool_ratio"] = _around(rng, max(len(run.llms), 1) / max(len(run.tools), 1))
    for name, kind in (("tool_latency_ms", "tool.called"), ("llm_latency_ms", "llm.called")):
        longest = max(durations[kind], default=0)
        learned[name] = _around(rng, longest) if longest and longest < 10 ** 12 else rng.choice([0, 0.2, 0.5, 100, 4000.25])
    return {name: value for name, value in learned.items() if rng.random() < 0.7}
