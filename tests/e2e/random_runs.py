"""Random runs by seed: engineered near every threshold, then damaged the way real clients damage them.

    for run in generate(seed=7, count=3000): …      # run.events in the order of arrival
    python3 random_runs.py --seed 7 --count 3000    # how often each failure type occurs

Pure; no I/O but the printing of main. What the specification leaves open is left out on purpose (an empty model name,
integers between 2^63 and 2^64).
"""
import argparse
import collections
import random
from dataclasses import dataclass

import random_damage
from reference import FAILURE_TYPES, evaluate
from run_builder import ABSENT, RunBuilder

TOOLS = ["search", "db", "api", "calc", "mail"]


@dataclass
class RandomRun:
    run_id: str
    agent_id: str
    scenario: str
    numbering: str
    events: list  # in the order of arrival


def _hash(rng, variety=3):
    return "%016x" % rng.randrange(variety)


def _filler(rng, run, most=2):
    """A little of what lies between the interesting parts of a run."""
    for _ in range(rng.randint(0, most)):
        rng.choice((lambda: run.llm(rng.choice([ABSENT, 0, 150, 900])), lambda: run.retrieval(rng.randint(1, 4)),
                    lambda: run.tool(rng.choice(TOOLS), args_hash=_hash(rng)), lambda: run.external("cache_miss"),
                    run.policy))()


def _end(rng, run):
    rng.choice((lambda: run.complete("final_answer"), lambda: run.complete("final_answer"), lambda: run.complete(),
                lambda: run.complete("completed"), run.error, lambda: run.error(exit_reason="policy_violation"),
                lambda: run))()


def tool_loop(rng, run):
    run.start(tools=TOOLS)
    variety = rng.choice([1, 1, 2, 4])
    for _ in range(rng.randint(3, 8)):
        name = "search" if rng.random() < 0.65 else rng.choice(TOOLS)
        if run.step and rng.random() < 0.2:
            run.step -= 1  # a model call on the step of the tool call before it
        run.llm(rng.choice([0, 100, 250, 700]), finish_reason="tool_calls", output_length=0)
        run.tool(name, success=rng.choice([True, True, False, None]), args_hash=_hash(rng, variety))
    _end(rng, run)


def tool_thrashing(rng, run):
    run.start()
    names = [("db", "api")[n % 2] for n in range(rng.randint(5, 8))]
    if rng.random() < 0.4:
        names[rng.randrange(len(names))] = rng.choice(TOOLS)
    for name in names:
        run.tool(name, success=rng.choice([True, None]), args_hash=_hash(rng, 5))
    _end(rng, run)


def tool_avoidance(rng, run):
    run.start(tools=rng.choice([TOOLS, ["search"], ["search"], [], ABSENT]))
    for _ in range(rng.randint(1, 4)):
        run.llm(answered=rng.random() < 0.95)
    if rng.random() < 0.1:
        run.call_tool("search")
    run.complete(rng.choice(["final_answer"] * 5 + ["completed", ABSENT, "final_answer "]))


def goal_abandonment(rng, run):
    run.start(tools=TOOLS)
    _filler(rng, run)
    run.tool(rng.choice(TOOLS))
    for _ in range(rng.randint(1, 4)):
        run.llm(answered=rng.random() < 0.9)
        if rng.random() < 0.3:
            rng.choice((lambda: run.external("rate_limit"), run.policy))()
    if rng.random() < 0.2:
        _end(rng, run)


def rag_empty_retrieval(rng, run):
    run.start()
    for _ in range(rng.randint(1, 3)):
        run.retrieval(rng.choice([0, 1, 1, 2, 5]), rng.choice([None, 0.3, 0.2999, 0.30001, 0.05, 0.9, 0, 1, ABSENT]),
                      rng.choice(["docs", "faq", ABSENT]))
    run.llm()
    run.complete(rng.choice(["final_answer", "final_answer", "completed"]))


def llm_truncation_loop(rng, run):
    run.start()
    for _ in range(rng.randint(2, 6)):
        run.llm(rng.choice([0, 100, 200, ABSENT]), model=rng.choice(["gpt-4o", "claude", ABSENT]),
                response_model=rng.choice(["late-model", ABSENT]),
                finish_reason=rng.choice(["length", "max_tokens", "stop", "Length", "tool_calls"]))
    _end(rng, run)


def context_bloat(rng, run):
    run.start()
    first = rng.choice([9, 10, 11, 400, 666, 667, 700, 900])
    last = rng.choice([first * 3, first * 3 - 1, first * 3 + 1, first * 4, first * 9, 1999, 2000, 2001])
    middle = [rng.randint(1, 3000) for _ in range(rng.randint(0, 4))]
    for tokens in [first] + middle + [last]:
        if rng.random() < 0.2:
            run.llm(prompt_tokens=rng.choice([0, ABSENT]), response_tokens=tokens)
        else:
            run.llm(prompt_tokens=tokens)
    _end(rng, run)


def slow_step(rng, run):
    run.start()
    edge = rng.choice([15.0, 30.0, 60.0])
    seconds = edge * rng.choice([1, 1, 1, 1.2, 1.5, 2.25, 4.99, 5, 5, 5.01]) + rng.choice([-0.01, -0.001, 0, 0, 0, 0, 0.001, 0.01])
    late = rng.random() < 0.3  # the pair is sent after the fact: the time is in latency_ms
    latency = rng.choice([int(seconds * 1000), seconds * 1000 + 0.5]) if late else rng.choice([ABSENT, 5, -20, 0.0])
    kind = rng.choice(["tool", "llm", "pause"])
    if kind == "tool":
        step = run.call_tool("search")
        if rng.random() < 0.5:
            run.external("provider_outage", source=rng.choice(["openai", ABSENT]), meta=rng.choice([{"code": 503}, ABSENT]),
                         after=0.5, region=rng.choice(["eu", ABSENT]))
        run.answer_tool("search", rng.choice([True, False, None]), step=step if run.numbering == "sdk" else None,
                        after=0 if late else seconds, latency_ms=latency)
    elif kind == "llm":
        run.llm(after=0 if late else seconds, latency_ms=latency)
    else:
        run.llm().emit("retrieval.responded", {"result_count": 2}, after=seconds)
    if rng.random() < 0.3:
        run.tool("db", after=rng.choice([16.0, 40.0, 100.0]))
    if rng.random() < 0.3:
        run.now += rng.choice([61, 70, 200])  # a second slow entry, on the step of the response
    _end(rng, run)


def retry_storm(rng, run):
    run.start()
    run.step = rng.choice([0, 0, 2, 3])
    length = rng.choice([0, 0, 3, 4])  # streaks of equal length, or of any
    for _ in range(rng.randint(1, 3)):
        name, error = rng.choice(["pay", "db"]), rng.choice(["%016x" % 7, "dGltZWQgb3V0", ABSENT])
        for _ in range(length or rng.randint(2, 5)):
            if rng.random() < 0.4:
                run.llm()
            run.tool(name, success=False if rng.random() < 0.93 else None, args_hash=_hash(rng, 2),
                     error_hash=error if rng.random() < 0.9 else "%016x" % 8)
        if rng.random() < 0.5:
            run.step -= rng.choice([0, 0, 1])  # a success on the very step of the last failure is no recovery
            run.tool(rng.choice([name, "calc"]), success=True)
    _end(rng, run)


def empty_llm_response(rng, run):
    run.start()
    run.step = rng.choice([0, 0, 4])
    for _ in range(rng.randint(1, 4)):
        run.llm(finish_reason=rng.choice(["stop", "stop", "end_turn", "length", "tool_calls", ABSENT]),
                output_length=rng.choice([0, 0, 1, ABSENT, None, 0.5]), completion_tokens=rng.choice([0, 0, ABSENT, 5, None]))
    _end(rng, run)


def cascading_tool_failure(rng, run):
    run.start()
    run.step = rng.choice([0, 2, 5])
    _filler(rng, run)
    for _ in range(rng.randint(2, 6)):
        run.tool(rng.choice(["db", "api", "mail"]), success=False if rng.random() < 0.93 else rng.choice([True, None]),
                 args_hash=_hash(rng, 9))
    _end(rng, run)


def first_step_failure(rng, run):
    run.start()
    run.step = rng.choice([0, 0, 1, 1, 2])
    rng.choice((lambda: run, lambda: run.tool("db", success=False), lambda: run.llm(output_length=0, completion_tokens=0),
                run.llm))()
    rng.choice((run.error, run.error, run.complete, lambda: run.complete("final_answer")))()


def reasoning_stall(rng, run):
    run.start(tools=rng.choice([TOOLS, ABSENT]))
    for _ in range(rng.randint(0, 2)):
        run.tool(rng.choice(TOOLS))
    for _ in range(rng.randint(4, 10)):
        run.llm()
    _end(rng, run)


def prompt_injection_signal(rng, run):
    count = rng.choice([1, 2, 3, 7, ABSENT, "two", 2.0, None, 0])
    good = {"matched_pattern_count": count, "matched_patterns": ["act_as"], "input_length": 40, "scan_truncated": False}
    good = {k: v for k, v in good.items() if v is not ABSENT}
    run.start(injection_signal=rng.choice([good, good, good, {"x": [1, {"y": None}]}, {}, [], ["a"], "yes", 3, None, True]))
    _filler(rng, run, 3)
    _end(rng, run)


def extreme(rng, run):
    """Near the hard overrides: eight or more calls with about nine of ten equal, and streaks of about five failures."""
    run.start(injection_signal=rng.choice([{"matched_pattern_count": 1}, ABSENT, ABSENT]))
    run.step = rng.choice([0, 3])
    calls, odd = rng.choice([7, 8, 9, 10, 10, 11, 12, 20]), rng.choice([0, 0, 1, 1, 2])
    twin = rng.random() < 0.25  # a second tool with as many calls, never twice the same: the first one counts
    for n in range(calls):
        parts = [("search", 99 + n if n < odd else 1)] + ([("db", 1000 + n)] if twin else [])
        for name, args in reversed(parts) if odd == 2 else parts:
            run.tool(name, success=rng.choice([True, None]), args_hash="%016x" % args)
    for _ in range(rng.choice([0, 0, 3, 4, 5, 6])):
        run.tool(rng.choice(["db", "search", "mail"]), success=False)
    _end(rng, run)


def parallel_calls(rng, run):
    run.start()
    _filler(rng, run)
    names = [rng.choice(["db", "db", "api"]) for _ in range(rng.randint(2, 6))]
    steps = [(name, run.call_tool(name, args_hash=_hash(rng))) for name in names]
    rng.shuffle(steps)
    for name, step in steps:
        run.answer_tool(rng.choice([name] * 4 + ["", ABSENT, "other"]), rng.choice([True, False, False, None]),
                        step=step if run.numbering == "sdk" else None, latency_ms=rng.choice([ABSENT, 3, 16000, 80000.7]))
    _end(rng, run)


def soup(rng, run):
    if rng.random() < 0.9:
        run.start(tools=rng.choice([TOOLS, ABSENT]))
    for _ in range(rng.randint(0, 12)):
        _filler(rng, run, 3)
    _end(rng, run)
    if rng.random() < 0.3:  # an agent that throws after its final answer, or a client that ends twice
        rng.choice((run.error, lambda: run.complete("completed"), lambda: run.complete("final_answer")))()


def unnumbered(rng, run):
    """A client that never numbers its steps: only the clock says what came first."""
    rng.choice((tool_loop, goal_abandonment, retry_storm, cascading_tool_failure, reasoning_stall))(rng, run)
    for number, event in enumerate(run.events):
        event["step_index"] = 0
        event["timestamp"] = round(event["timestamp"] + number / 1000, 6)


def leaping(rng, run):
    """Steps with holes, and clocks that go back by less than a millisecond, by one and by more."""
    run.start(tools=TOOLS)
    for _ in range(rng.randint(2, 9)):
        run.step += rng.choice([0, 0, 1, 7, 1000])
        rng.choice((lambda: run.tool(rng.choice(["db", "api"]), success=rng.choice([True, False, False]), args_hash=_hash(rng),
                                     latency_ms=rng.choice([ABSENT, 16000, 75000])),
                    lambda: run.llm(latency_ms=rng.choice([ABSENT, 31000]))))()
        run.now -= rng.choice([0, 0.0004, 0.0009, 0.001, 0.0011, 0.5, 3])
    _end(rng, run)


def resumed(rng, run):
    """A run that ends, begins again with other tools and goes on."""
    for part in range(rng.randint(2, 3)):
        run.start(tools=rng.choice([TOOLS, ["search"], [], ABSENT, None, "search"]),
                  injection_signal=rng.choice([ABSENT, ABSENT, {"matched_pattern_count": part + 1}]))
        for _ in range(rng.randint(0, 3)):
            run.llm(finish_reason=rng.choice(["stop", "length"]))
        if rng.random() < 0.3:
            run.tool("search", success=rng.random() < 0.5)
        run.step += 1
        _end(rng, run)


def long_one(rng, run):
    """A hundred events and more of everything."""
    run.start(tools=TOOLS)
    tokens = 100
    while len(run.events) < rng.randint(80, 200):
        tokens = min(tokens + rng.randint(0, 90), 10 ** 6)
        run.llm(tokens, finish_reason="tool_calls", output_length=0)
        for _ in range(rng.choice([0, 1, 1, 2])):
            run.tool(rng.choice(TOOLS), success=rng.random() < 0.7, args_hash=_hash(rng, 40),
                     latency_ms=rng.choice([ABSENT, 300, 800, 14000]))
        _filler(rng, run, 1)
    _end(rng, run)


def one_event(rng, run):
    kind = rng.choice(["run.started", "run.completed", "run.errored", "llm.called", "llm.responded", "tool.called",
                       "tool.responded", "retrieval.called", "retrieval.responded", "external.signal", "policy.triggered"])
    run.emit(kind, {"signal_name": "x"} if kind == "external.signal" else {}, step=rng.choice([0, 1, 2, 3, 2 ** 31 - 1]))


SCENARIOS = (tool_loop, tool_thrashing, tool_avoidance, goal_abandonment, rag_empty_retrieval, llm_truncation_loop,
             context_bloat, slow_step, retry_storm, empty_llm_response, cascading_tool_failure, first_step_failure,
             reasoning_stall, prompt_injection_signal, extreme, parallel_calls, soup, unnumbered, leaping, resumed, long_one,
             one_event)


def generate(seed, count, agents=8):
    """`count` runs. Every run has an agent_version of its own, so that no learned baseline ever applies."""
    rng = random.Random(seed)
    for number in range(count):
        scenario = SCENARIOS[number % len(SCENARIOS)]
        agent = "random-%d" % (number % agents) if number % agents else "r\u00e4ndom / 100% #0?"
        run = RunBuilder(random_damage.run_id(rng, seed, number), agent, "v%d" % number, rng.choice(["sdk", "manual"]),
                         now=1767225600 + rng.randrange(10 ** 6) / 4, tick=rng.choice([0, 0.1, 0.25, 1.0, 0.0371]))
        scenario(rng, run)
        events = random_damage.damage(rng, run.events)
        yield RandomRun(run.run_id, agent, scenario.__name__, run.numbering, events)


def in_batches(rng, runs, most=500):
    """The events of the runs as (run, event) in batches cut anywhere; neighbouring runs are sometimes interleaved."""
    stream, waiting = [], list(runs)
    while waiting:
        group = [[(run, event) for event in run.events] for run in waiting[:rng.choice([1, 1, 2, 3])]]
        waiting = waiting[len(group):]
        while any(group):
            source = rng.choice([g for g in group if g])
            stream.append(source.pop(0))
    while stream:
        size = rng.choice([rng.randint(1, 20), rng.randint(20, most), most])
        yield stream[:size]
        stream = stream[size:]


def distribution(runs, baselines_for=lambda run: None):
    counts = collections.Counter()
    for run in runs:
        counts.update(evaluate(run.events, baselines_for(run)).signals.keys())
    return {failure_type: counts[failure_type] for failure_type in FAILURE_TYPES}


def main():
    parser = argparse.ArgumentParser(description="Prints how often each failure type occurs in the random runs of a seed.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=3000)
    options = parser.parse_args()
    for failure_type, count in distribution(generate(options.seed, options.count)).items():
        print("%-26s %5d" % (failure_type, count))


if __name__ == "__main__":
    main()
