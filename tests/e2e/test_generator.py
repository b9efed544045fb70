"""The random runs themselves: they must reach every failure type and every kind of damage, or they prove nothing."""
import collections
import json
import os
import random
import unittest

from random_damage import Repeated
from random_history import history
from random_runs import SCENARIOS, distribution, generate, in_batches
from reference import DETECTORS, evaluate
from reference_replay import replay
from wire_text import encode

SEED = int(os.environ.get("DUNETRACE_E2E_SEED", "1"))


class Generator(unittest.TestCase):
    def test_every_failure_type_occurs_often(self):
        # Steps have no static threshold: only here, where baselines can be handed in, can that type occur.
        learned = {"steps": 3, "tool_latency_ms": 4000.0, "llm_latency_ms": 9000.0, "token_growth": 1.2, "llm_tool_ratio": 2.2}
        runs = list(generate(SEED, 3000))
        plain = distribution(runs)
        with_history = distribution(runs, lambda run: learned)
        self.assertEqual(plain.pop("STEP_COUNT_INFLATION"), 0)
        self.assertGreaterEqual(min(plain.values()), 30, plain)
        self.assertGreaterEqual(min(with_history.values()), 30, with_history)

    def test_every_scaled_confidence_occurs_at_its_threshold_and_beyond(self):
        at, beyond, rng = collections.Counter(), collections.Counter(), random.Random(SEED)
        for events in (r.events for r in generate(SEED, 2000)):
            run = replay(events, history(rng, events))
            for rule in DETECTORS if run else ():
                found = rule(run)
                if found is not None:
                    (at if abs(found.raw_confidence - 0.5) < 1e-9 else beyond)[rule.__name__] += 1
        for name in ("tool_loop", "llm_truncation_loop", "context_bloat", "retry_storm", "cascading_tool_failure",
                     "reasoning_stall", "prompt_injection_signal"):
            self.assertGreater(at[name], 0, name)  # the other scaled rules fire above their threshold only
            self.assertGreater(beyond[name], 0, name)

    def test_every_scenario_in_both_numberings(self):
        seen = collections.Counter((r.scenario, r.numbering) for r in generate(SEED, 40 * len(SCENARIOS)))
        self.assertEqual(len(seen), 2 * len(SCENARIOS), seen)

    def test_same_seed_same_runs(self):
        first, second = ([encode(r.events) for r in generate(SEED, 200)] for _ in range(2))
        self.assertEqual(first, second)
        self.assertNotEqual(first, [encode(r.events) for r in generate(SEED + 1, 200)])

    def test_batches_lose_nothing_and_keep_the_order_of_a_run(self):
        runs = list(generate(SEED, 300))
        batches = list(in_batches(random.Random(SEED), runs))
        self.assertLessEqual(max(map(len, batches)), 500)
        for run in runs[:50]:
            sent = [event for batch in batches for owner, event in batch if owner is run]
            self.assertEqual(sent, run.events)

    def test_repeated_members_reach_the_wire_and_the_last_one_counts(self):
        text = encode({"payload": Repeated({"tool_name": "new"}, {"tool_name": "old"})})
        self.assertEqual(text, '{"payload":{"tool_name":"old","tool_name":"new"}}')
        self.assertEqual(json.loads(text), {"payload": {"tool_name": "new"}})

    def test_the_wire_says_what_the_reference_judged(self):
        for run in generate(SEED, 500):
            read_back = json.loads(encode(run.events))
            before, after = ({t: (s.confidence, s.step) for t, s in evaluate(e).signals.items()} for e in (run.events, read_back))
            self.assertEqual(before, after, run.run_id)


if __name__ == "__main__":
    unittest.main()
