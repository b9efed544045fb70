"""The independent implementation against the specification's own examples and its table of runs (detectors.md 9)."""
import math
import unittest

from reference import FAILURE_TYPES, Rounded, evaluate, scale
from reference_replay import guarded, hash16, replay, stored_event, stored_text
from run_builder import RunBuilder


def found(builder, **baselines):
    return {t: s.confidence for t, s in evaluate(builder.events, baselines or None).signals.items()}


def signal(builder, failure_type, **baselines):
    return evaluate(builder.events, baselines or None).signals[failure_type]


def tools(names, success=True, first_step=1, end="completed", **kwargs):
    run = RunBuilder(**kwargs).start()
    run.step = first_step - 1
    for name in names:
        run.tool(name, success=success)
    return run.complete() if end == "completed" else run.error() if end == "errored" else run


class TableOfRuns(unittest.TestCase):
    """detectors.md 9, row by row."""

    def test_01_five_equal_calls(self):
        run = RunBuilder().start()
        for n in range(5):
            run.tool("search", args_hash="%016x" % n)
        self.assertEqual(found(run.complete()), {"TOOL_LOOP": 0.7667})

    def test_02_four_calls_are_too_few(self):
        self.assertEqual(found(tools(["search"] * 4)), {})

    def test_03_alternation_is_also_a_loop(self):
        self.assertEqual(found(tools("ababab")), {"TOOL_THRASHING": 1.0, "TOOL_LOOP": 0.575})

    def test_04_tools_declared_and_ignored(self):
        run = RunBuilder().start(tools=["search"]).llm().llm().complete("final_answer")
        self.assertEqual(found(run), {"TOOL_AVOIDANCE": 0.75})

    def test_05_only_a_final_answer_counts(self):
        self.assertEqual(found(RunBuilder().start(tools=["search"]).llm().llm().complete("completed")), {})

    def test_06_answer_without_sources(self):
        run = RunBuilder().start().retrieval(result_count=0, top_score=None).llm().complete("final_answer")
        self.assertEqual(found(run), {"RAG_EMPTY_RETRIEVAL": 0.88})

    def test_07_two_truncations(self):
        run = RunBuilder().start().llm(finish_reason="length").llm(finish_reason="length").complete()
        self.assertEqual(found(run), {"LLM_TRUNCATION_LOOP": 0.5})

    def test_08_three_failures_of_one_tool(self):
        self.assertEqual(found(tools(["pay"] * 3, success=False, first_step=3)), {"RETRY_STORM": 0.5})
        self.assertEqual(found(tools(["pay"] * 3, success=False)), {"RETRY_STORM": 0.575, "FIRST_STEP_FAILURE": 0.9775})

    def test_09_failures_over_two_tools(self):
        run = tools(["db", "api", "db"], success=False, first_step=3, end="errored")
        self.assertEqual(found(run), {"CASCADING_TOOL_FAILURE": 0.5})

    def test_10_empty_answer_then_error(self):
        run = RunBuilder().start().llm(output_length=0, completion_tokens=0).error()
        self.assertEqual(found(run), {"EMPTY_LLM_RESPONSE": 1.0, "FIRST_STEP_FAILURE": 1.0})
        self.assertEqual(signal(run, "FIRST_STEP_FAILURE").evidence["trigger"], "run_errored")

    def test_11_error_at_once(self):
        run = RunBuilder().start()
        run.step = 1
        self.assertEqual(found(run.error()), {"FIRST_STEP_FAILURE": 0.9})

    def test_12_slow_tool(self):
        run = RunBuilder().start()
        run.call_tool("search")
        run.emit("run.completed", after=20.0)
        self.assertEqual(found(run), {"SLOW_STEP": 0.6333})
        self.assertEqual(signal(run, "SLOW_STEP").severity, "MEDIUM")

    def test_13_extreme_loop(self):
        result = signal(tools(["search"] * 8), "TOOL_LOOP")
        self.assertEqual((result.severity, result.confidence, result.co_signal_count), ("CRITICAL", 0.98, 0))

    def test_14_extreme_failure_streak(self):
        verdict = evaluate(tools(["x"] * 5, success=False, first_step=3).events)
        self.assertEqual({t: (s.severity, s.confidence, s.co_signal_count) for t, s in verdict.signals.items()},
                         {"RETRY_STORM": ("HIGH", 0.95, 2), "TOOL_LOOP": ("HIGH", 0.95, 2)})

    def test_15_injection(self):
        evidence = {"matched_pattern_count": 2, "matched_patterns": ["a", "b"], "input_length": 9}
        result = signal(RunBuilder().start(injection_signal=evidence).complete(), "PROMPT_INJECTION_SIGNAL")
        self.assertEqual((result.severity, result.confidence, result.step), ("CRITICAL", 0.9, 0))
        self.assertEqual(result.evidence, evidence)


class Examples(unittest.TestCase):
    """The examples in the text of detectors.md and wire.md."""

    def test_scale_table(self):
        for ratio, expected in ((1.0, 0.5), (1.2, 0.58), (4 / 3, 0.6333), (1.5, 0.7), (5 / 3, 0.7667), (2, 0.9),
                                (2.25, 1.0), (9, 1.0), (0.5, 0.3)):
            self.assertEqual(round(scale(ratio), 4), expected)

    def test_worked_example_of_the_wire_page(self):
        run = RunBuilder(numbering="manual").start(tools=["web_search"])
        for tokens in (200, 250, 300, 350, 400):
            run.llm(tokens, finish_reason="tool_calls", output_length=0, completion_tokens=0).tool("web_search")
        run.complete("final_answer")
        self.assertEqual((len(run.events), found(run)), (22, {"TOOL_LOOP": 0.7667}))
        loop = signal(run, "TOOL_LOOP")
        self.assertEqual(loop.step, 19)
        self.assertEqual({k: loop.evidence[k] for k in ("count", "first_step", "last_step", "args_identical",
                                                        "success_rate", "wasted_tokens")},
                         {"count": 5, "first_step": 3, "last_step": 19, "args_identical": True, "success_rate": 1.0,
                          "wasted_tokens": 1300})

    def test_abandonment_in_both_numberings(self):
        manual = RunBuilder(numbering="manual").start()
        manual.step = 2
        manual.tool("search").llm().llm()
        self.assertEqual(found(manual), {"GOAL_ABANDONMENT": 0.6})
        sdk = RunBuilder().start().llm().tool("search").llm().llm()
        self.assertEqual(found(sdk), {"GOAL_ABANDONMENT": 0.3})

    def test_annotations_do_not_interrupt_abandonment(self):
        run = RunBuilder().start().llm().tool("search").llm().external("rate_limit").policy().llm().external("x")
        self.assertEqual(found(run), {"GOAL_ABANDONMENT": 0.3})

    def test_context_growth(self):
        run = RunBuilder().start().llm(900).llm(1500).llm(2900).complete()
        self.assertEqual(found(run), {"CONTEXT_BLOAT": 0.5296})
        self.assertEqual(signal(run, "CONTEXT_BLOAT").evidence["growth_factor"], 3.22)
        self.assertEqual(found(run, token_growth=2.0), {})
        self.assertEqual(found(RunBuilder().start().llm(100).llm(200).llm(320).complete()), {})

    def test_slow_tool_edges(self):
        for seconds, expected in ((15.0, {}), (15.001953125, {"SLOW_STEP": 0.5}), (80.0, {"SLOW_STEP": 1.0})):
            run = RunBuilder(tick=0.25).start().tool("search", after=seconds).complete()
            self.assertEqual(found(run), expected, seconds)
        self.assertEqual(signal(run, "SLOW_STEP").severity, "HIGH")

    def test_latency_of_a_pair_sent_after_the_fact(self):
        run = RunBuilder().start().tool("search", latency_ms=20000.9).complete()
        self.assertEqual(signal(run, "SLOW_STEP").evidence["duration_ms"], 20000)

    def test_coincident_signals(self):
        run = RunBuilder(tick=0.25).start()
        step = run.call_tool("search")
        run.external("outage", source="openai", meta={"a": 1}, b=2)
        run.answer_tool("search", step=step, after=20.0)
        evidence = signal(run.complete(), "SLOW_STEP").evidence
        self.assertEqual(evidence["coincident_signals"],
                         [{"signal_name": "outage", "source": "openai", "meta": {"a": 1, "b": 2}}])

    def test_recovered_streak_is_no_storm(self):
        run = RunBuilder().start()
        run.step = 2
        for success in (False, False, False, True):
            run.tool("pay", success=success)
        self.assertNotIn("RETRY_STORM", found(run.complete()))

    def test_step_inflation_needs_a_baseline(self):
        run = RunBuilder().start()
        run.step = 14
        run.complete()
        self.assertEqual(found(run), {})
        self.assertEqual(found(run, steps=6), {"STEP_COUNT_INFLATION": 0.5667})
        self.assertEqual(signal(run, "STEP_COUNT_INFLATION", steps=6).evidence["inflation_ratio"], 2.33)
        self.assertEqual(found(run, steps=7), {})

    def test_reasoning_stall(self):
        run = RunBuilder().start().tool("search")
        for _ in range(8):
            run.llm()
        result = signal(run.complete("final_answer"), "REASONING_STALL")
        self.assertEqual((result.severity, result.confidence, result.evidence["ratio"]), ("MEDIUM", 0.9, 8.0))

    def test_security_signal_is_not_demoted(self):
        run = RunBuilder().start(injection_signal={"matched_pattern_count": 1})
        run.step = 2
        for _ in range(5):
            run.tool("x", success=False)
        severities = {t: (s.severity, s.confidence) for t, s in evaluate(run.complete().events).signals.items()}
        self.assertEqual(severities["PROMPT_INJECTION_SIGNAL"], ("CRITICAL", 0.95))
        self.assertEqual(severities["TOOL_LOOP"], ("HIGH", 0.95))

    def test_signals_of_others_count_too(self):
        run = tools(["search"] * 5)
        signals = evaluate(run.events, others=1).signals
        self.assertEqual((signals["TOOL_LOOP"].confidence, signals["TOOL_LOOP"].co_signal_count), (0.8817, 2))

    def test_there_are_fifteen(self):
        self.assertEqual(len(set(FAILURE_TYPES)), 15)


class Replay(unittest.TestCase):
    def test_order_is_step_then_time_then_arrival(self):
        run = tools(["a", "b", "c", "d", "e"])
        shuffled = run.events[::-1]
        self.assertEqual(replay(shuffled).tools, replay(run.events).tools)

    def test_repeats_are_ignored_and_near_repeats_are_not(self):
        run = tools(["search"] * 4)
        self.assertEqual(found_of(run.events * 2), {})
        later = dict(run.events[1], timestamp=run.events[1]["timestamp"] + 0.01)
        self.assertEqual(found_of(run.events + [later]), {"TOOL_LOOP": round(scale(5 / 3), 4)})
        truth, one = (dict(run.events[2], payload={"x": x}) for x in (True, 1))
        self.assertEqual(len(replay([truth, one, dict(one, payload={"x": 1.0})]).events), 2)

    def test_parallel_calls_are_answered_from_the_latest(self):
        run = RunBuilder().start()
        run.call_tool("a"), run.call_tool("a")
        run.answer_tool("a", success=False)
        self.assertEqual([c.success for c in replay(run.events).tools], [None, False])

    def test_response_without_a_name_goes_by_step_then_by_recency(self):
        run = RunBuilder().start()
        first, second = run.call_tool("a"), run.call_tool("b")
        run.answer_tool("", success=True, step=second)
        run.answer_tool(None, success=False, step=second)
        self.assertEqual([c.success for c in replay(run.events).tools], [False, True])
        self.assertLess(first, second)

    def test_named_response_never_falls_to_another_step(self):
        run = RunBuilder().start()
        run.call_tool("a")
        run.answer_tool("b", step=7)
        self.assertIsNone(replay(run.events).tools[0].success)

    def test_unanswered_model_calls_do_not_count(self):
        self.assertEqual(len(replay(RunBuilder().start().llm().llm(answered=False).events).llms), 1)

    def test_tokens_from_the_response_when_the_call_has_none(self):
        run = RunBuilder().start().llm(prompt_tokens=0, response_tokens=7).llm(prompt_tokens=0)
        self.assertEqual([c.prompt_tokens for c in replay(run.events).llms], [7, None])

    def test_less_than_a_millisecond_back_is_no_time_at_all(self):
        run = RunBuilder(tick=0.25).start()
        step = run.call_tool("search")
        run.step += 1
        run.answer_tool("search", step=step + 1, after=-0.0009, latency_ms=20000)
        self.assertEqual([(s.kind, s.duration_ms) for s in replay(run.events).steps], [("run.started", 250), ("tool.called", 20000)])
        run.events[-1]["timestamp"] -= 0.001
        self.assertEqual([s.kind for s in replay(run.events).steps], ["run.started"])

    def test_every_started_event_says_which_tools_there_are(self):
        run = RunBuilder().start(tools=["a"]).llm()
        self.assertEqual(replay(run.start(tools=["b", "c"]).events).available_tools, ["b", "c"])
        self.assertEqual(replay(run.llm().start().events).available_tools, [])

    def test_last_terminal_event_wins_and_an_error_is_an_error(self):
        run = RunBuilder().start().complete("final_answer").error(exit_reason="policy_violation")
        self.assertEqual(replay(run.events).exit_reason, "error")

    def test_wrong_types_read_as_defaults(self):
        run = RunBuilder().start(tools="search", injection_signal=["x"])
        run.emit("tool.called", {"tool_name": 5, "args_hash": {}}, advance=True)
        run.emit("tool.responded", {"success": "no", "error_hash": 1})
        run.emit("retrieval.responded", {"result_count": "many", "top_score": True})
        run.emit("llm.responded", {"prompt_tokens": 2.9, "output_length": -0.5, "completion_tokens": math.inf})
        seen = replay(run.events)
        self.assertEqual((seen.available_tools, seen.injection), ([], None))
        self.assertEqual((seen.tools[0].name, seen.tools[0].args_hash, seen.tools[0].success, seen.tools[0].error_hash),
                         ("unknown", "", True, None))
        self.assertEqual(seen.retrievals, [("unknown", 0, None)])
        self.assertEqual((seen.llms[0].prompt_tokens, seen.llms[0].output_length, seen.llms[0].completion_tokens),
                         (2, 0, None))

    def test_nothing_comes_from_nothing(self):
        self.assertEqual(evaluate([]).signals, {})


class Storage(unittest.TestCase):
    def test_texts_the_database_cannot_hold(self):
        for sent, stored in (("a\x00b", "ab"), ("\ud800", "\ufffd"), ("\ud83d\ude00", "\U0001f600"), ("\udc00\ud800", "\ufffd\ufffd")):
            self.assertEqual(stored_text(sent), stored)

    def test_numbers_are_coerced(self):
        event = stored_event({"event_type": "run.started", "run_id": "r", "agent_id": "a", "agent_version": "v",
                              "step_index": "3.0", "timestamp": "17.5"})
        self.assertEqual((event["step_index"], event["timestamp"], event["payload"]), (3, 17.5, {}))

    def test_reversible_texts_are_hashed(self):
        args = "eyJxdWVyeSI6InNhbWUgcXVlcnkgZXZlcnkgdGltZSJ9"
        self.assertEqual(guarded({"args_hash": args}), {"args_hash": hash16(args)})
        self.assertEqual(guarded({"error_hash": "dGltZWQgb3V0"}), {"error_hash": hash16("dGltZWQgb3V0")})
        for kept in ({"args_hash": "44136fa355b3678a"}, {"error_hash": "44136fa355b3678a"}, {"args_hash": "aGVsbG8="},
                     {"error_hash": None}, {"args_hash": 7}):
            self.assertEqual(guarded(kept), kept)

    def test_ties_may_round_either_way(self):
        self.assertEqual(Rounded(2 / 3, 2), 0.67)


def found_of(events):
    return {t: s.confidence for t, s in evaluate(events).signals.items()}


if __name__ == "__main__":
    unittest.main()
