"""Random runs through replay, detectors and scoring: equal to the independent implementation, with learned values and without.

The quick way (tests/golden/judge_runs.cpp: everything but sockets and database), so that many runs can be compared;
test_random_runs.py goes the whole way with fewer. DUNETRACE_JUDGED_RUNS (6000) and DUNETRACE_E2E_SEED (1) choose how
many and which. All of the twenty thousand:

    DUNETRACE_JUDGED_RUNS=20000 ctest --preset release -R e2e_judgements --verbose
"""
import collections
import itertools
import json
import os
import pathlib
import random
import subprocess
import unittest

from compare import differences_of_value
from harness import REPOSITORY
from random_history import history
from random_runs import generate
from reference import FAILURE_TYPES, by_unknown_detectors, evaluate
from wire_text import encode

BUILD = pathlib.Path(os.environ.get("DUNETRACE_BUILD_DIR", REPOSITORY / "build/release"))
SEED = int(os.environ.get("DUNETRACE_E2E_SEED", "1"))
RUNS = int(os.environ.get("DUNETRACE_JUDGED_RUNS", "6000"))
AT_ONCE = 2000
WORST_SHOWN = 30


def judged(runs, histories, plugins=BUILD / "lib/dunetrace/plugins"):
    """What the host's own code finds: for each run the list of its signals."""
    lines = "".join(encode({"run_id": str(n), "events": run.events, "baselines": learned}) + "\n"
                    for n, (run, learned) in enumerate(zip(runs, histories)))
    done = subprocess.run([BUILD / "tests/judge_runs", plugins], input=lines.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    if done.returncode != 0:
        raise AssertionError("judge_runs: %s" % done.stderr.decode("utf-8", "replace"))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(runs):
        raise AssertionError("%d answers for %d runs" % (len(answers), len(runs)))
    return [answer["signals"] for answer in answers]


def differences(verdict, signals):
    actual = {s["failure_type"]: s for s in signals if s["failure_type"] in FAILURE_TYPES}
    if len({s["failure_type"] for s in signals}) != len(signals) or actual.keys() != verdict.signals.keys():
        return ["expected %s, have %s" % (sorted(verdict.signals), [s["failure_type"] for s in signals])]
    found = []
    for failure_type, expected in verdict.signals.items():
        have = actual[failure_type]
        for key, want in (("severity", expected.severity), ("confidence", expected.confidence),  # to all 4 decimals
                          ("step_index", expected.step), ("co_signal_count", expected.co_signal_count), ("shadow", False)):
            if have[key] != want:
                found.append("%s.%s: expected %r, have %r" % (failure_type, key, want, have[key]))
        found += differences_of_value(expected.evidence, have["evidence"], failure_type + ".evidence")
    return found


class Coverage:
    """What occurred; a comparison in which a detector never fires says nothing about it."""

    def __init__(self):
        self.by_type = {failure_type: collections.Counter() for failure_type in FAILURE_TYPES}
        self.details = collections.Counter()

    def add(self, run, learned, verdict):
        signals = verdict.signals
        for failure_type, signal in signals.items():
            counts = self.by_type[failure_type]
            counts["all"] += 1
            counts[run.numbering] += 1
            counts["learned" if learned else "fixed"] += 1
            counts["used baseline"] += "baseline_p75" in signal.evidence
            self.details["%s %s" % (failure_type, signal.severity)] += 1
            if "trigger" in signal.evidence:
                self.details["trigger " + signal.evidence["trigger"]] += 1
        self.details["co_signal_count %s" % (min(len(signals), 4) if len(signals) > 1 else 0)] += 1
        confidences = {s.raw_confidence for s in signals.values()}
        self.details["overridden to %s" % (confidences.pop() if confidences in ({0.98}, {0.95}) else "nothing")] += 1
        kinds = {e["event_type"] for e in run.events}
        self.details["no run.started"] += "run.started" not in kinds
        self.details["no terminal event"] += not kinds & {"run.completed", "run.errored"}

    def missing(self, runs):
        """What occurs less often than once in 500 runs."""
        least = runs // 500
        yield from ("%s with %s" % (t, key) for t, counts in self.by_type.items() for key in ("sdk", "manual")
                    if counts[key] < least)
        yield from ("%s with fixed thresholds" % t for t, counts in self.by_type.items()
                    if counts["fixed"] < least and t != "STEP_COUNT_INFLATION")
        yield from ("%s with a learned value" % t
                    for t in ("CONTEXT_BLOAT", "SLOW_STEP", "STEP_COUNT_INFLATION", "REASONING_STALL")
                    if self.by_type[t]["used baseline"] < least)
        yield from (detail for detail in (
            "SLOW_STEP MEDIUM", "SLOW_STEP HIGH", "REASONING_STALL MEDIUM", "REASONING_STALL HIGH", "trigger run_errored",
            "trigger empty_llm_response", "trigger tool_failure", "co_signal_count 0", "co_signal_count 2",
            "co_signal_count 3", "co_signal_count 4", "overridden to 0.98", "overridden to 0.95", "no run.started",
            "no terminal event") if self.details[detail] < least)

    def table(self):
        columns = ("all", "sdk", "manual", "fixed", "learned", "used baseline")
        rows = ["%-26s" % "" + "".join("%14s" % c for c in columns)]
        rows += ["%-26s" % t + "".join("%14d" % counts[c] for c in columns) for t, counts in self.by_type.items()]
        return "\n".join(rows + ["%s: %d" % item for item in sorted(self.details.items())])


class Judgements(unittest.TestCase):
    def test_random_runs_are_judged_as_the_reference_judges_them(self):
        rng = random.Random("%d/history" % SEED)
        coverage, found, compared = Coverage(), [], 0
        stream = generate(SEED, RUNS)
        while runs := list(itertools.islice(stream, AT_ONCE)):
            histories = [history(rng, run.events) for run in runs]
            for run, learned, signals in zip(runs, histories, judged(runs, histories)):
                verdict = evaluate(run.events, learned, others=len(by_unknown_detectors(signals)))
                coverage.add(run, learned, verdict)
                found += ["%s [%s], learned %s: %s" % (run.run_id, run.scenario, learned, d) for d in differences(verdict, signals)]
                compared += 1
        print("seed %d, %d runs\n%s" % (SEED, compared, coverage.table()))
        self.assertEqual(found[:WORST_SHOWN], [], "seed %d, %d runs: %d differences" % (SEED, RUNS, len(found)))
        self.assertEqual(compared, RUNS)
        self.assertEqual(list(coverage.missing(RUNS)), [], "occurs too rarely")


if __name__ == "__main__":
    unittest.main()
