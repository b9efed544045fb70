"""Compares what the host shows of a run with what the independent implementation finds in the same events.

Used by the tests of random and real runs and by the manual client's test. Pure but for the calls of `client`.
"""
from harness import wait_until
from reference import FAILURE_TYPES, Rounded, by_unknown_detectors, evaluate
from reference_replay import is_number

SETTLE_S = 20  # a run whose last batch came late is judged again


def differences_of_value(expected, actual, where):
    """Texts that say where two JSON values differ; empty when they are equal."""
    if isinstance(expected, Rounded):
        step = 10 ** -expected.digits
        near = is_number(actual) and abs(actual - expected.raw) <= step / 2 * (1 + 1e-6) + 1e-9 * abs(expected.raw)
        on_grid = near and abs(actual / step - round(actual / step)) < 1e-4 + 1e-12 * abs(actual / step)
        return [] if on_grid else ["%s: expected %r, have %r" % (where, expected, actual)]
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = ["%s: member %r %s" % (where, k, "is missing" if k in expected else "is not expected")
                 for k in sorted(expected.keys() ^ actual.keys())]
        for key in expected.keys() & actual.keys():
            found += differences_of_value(expected[key], actual[key], "%s.%s" % (where, key))
        return found
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [d for n, (e, a) in enumerate(zip(expected, actual)) for d in differences_of_value(e, a, "%s[%d]" % (where, n))]
    if is_number(expected) and is_number(actual):
        whole = not isinstance(expected, int) or isinstance(actual, int)
        same = whole and (expected == actual or abs(expected - actual) <= 1e-12 * abs(expected))
    else:
        same = type(expected) is type(actual) and expected == actual
    return [] if same else ["%s: expected %r, have %r" % (where, expected, actual)]


def differences_of_signal(expected, actual):
    where = expected.failure_type
    found = ["%s.%s: expected %r, have %r" % (where, key, want, actual[key])
             for key, want in (("severity", expected.severity), ("step_index", expected.step),
                               ("co_signal_count", expected.co_signal_count), ("shadow", False)) if actual[key] != want]
    found += differences_of_value(Rounded(expected.raw_confidence, 4), actual["confidence"], where + ".confidence")
    found += differences_of_value(expected.evidence, actual["evidence"], where + ".evidence")
    found += ["%s.%s is empty" % (where, key) for key in ("title", "what", "why_it_matters", "evidence_summary", "suggested_fixes")
              if not actual[key]]
    return found


def expected_trigger(events):
    """The first terminal event that arrived decides (spec pipeline.md 1.1)."""
    for event in events:
        if event["event_type"] in ("run.completed", "run.errored"):
            return event["event_type"].split(".")[1]
    return "stalled"


def differences_of_events(verdict, detail, with_times):
    """Every event once, in replay order, with what was sent in it (repeats are left out as the replay does)."""
    expected, actual = verdict.run.events, detail["events"]
    if len(expected) != len(actual):
        return ["events: expected %d, have %d" % (len(expected), len(actual))]
    found = []
    for number, (want, have) in enumerate(zip(expected, actual)):
        for key in ("event_type", "step_index", "payload", "parent_run_id") + (("timestamp",) if with_times else ()):
            found += differences_of_value(want[key], have[key], "events[%d].%s" % (number, key))
    return found


def differences_of_run(events, detail, earlier=(), baselines=None):
    """`events` in the order of arrival, `detail` from /v1/runs/{id}. `earlier`: the states of the run after which it
    may have been judged before it was complete; a type found then stays, a type found in neither may not. `baselines`:
    what it was judged with, see reference_learned.py."""
    verdict = evaluate(events, baselines, others=len(by_unknown_detectors(detail["signals"])))
    found = differences_of_events(verdict, detail, with_times="timestamp" in events[0])
    for key, want in (("agent_id", verdict.run.agent_id), ("agent_version", verdict.run.agent_version),
                      ("step_count", verdict.run.current_step), ("exit_reason", expected_trigger(events)),
                      ("run_exit_reason", verdict.run.exit_reason),
                      ("event_count", len(events))):  # repeats included: nothing lost, nothing written twice
        if detail[key] != want:
            found.append("%s: expected %r, have %r" % (key, want, detail[key]))
    actual = {s["failure_type"]: s for s in detail["signals"]}
    if len(actual) != len(detail["signals"]):
        found.append("a failure type occurs twice: %s" % [s["failure_type"] for s in detail["signals"]])
    for failure_type, signal in verdict.signals.items():
        if failure_type not in actual:
            found.append("%s is missing" % failure_type)
        else:
            found += differences_of_signal(signal, actual[failure_type])
    extra = actual.keys() & set(FAILURE_TYPES) - verdict.signals.keys()
    if extra:
        extra -= {t for state in earlier for t in evaluate(state).signals}
    return found + ["%s is not expected" % t for t in sorted(extra)]


def compare_run(client, run_id, events, earlier=()):
    """(differences, detail): what remains after the host had time to judge the last batch; no differences = all agrees."""
    last = [[], None]

    def agrees():
        last[1] = client.run(run_id)
        last[0] = differences_of_run(events, last[1], earlier)
        return not last[0]

    try:
        wait_until(agrees, SETTLE_S if earlier else 2, "")
    except AssertionError:
        pass
    return ["%s: %s" % (run_id, d) for d in last[0]], last[1]


def compare_listed_signals(client, agent_id, details):
    """The agent's list of signals, page by page, against the signals in the details of its runs."""
    listed = {}
    found = []
    for signal in client.pages(agent_id, "signals", "&include_shadow=true"):
        key = (signal["run_id"], signal["failure_type"])
        if key in listed:
            found.append("%s: listed twice" % (key,))
        listed[key] = signal
    shown = {(run_id, s["failure_type"]): s for run_id, detail in details.items() for s in detail["signals"]}
    for key in listed.keys() ^ shown.keys():
        found.append("%s: %s" % (key, "listed but not in the run" if key in listed else "in the run but not listed"))
    for key in listed.keys() & shown.keys():
        found += ["%s.%s differs between list and run" % (key, member) for member, value in shown[key].items()
                  if listed[key].get(member) != value]
    return found
