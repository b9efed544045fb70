"""Runs of agents that have habits, and the comparison of what the host learns from them with reference_learned.py.

Used by test_learned.py and test_learned_workers.py. `watch` keeps every judgement in the host's own database, in the
order in which they took effect; `differences` replays them one after the other.
"""
import json
from collections import Counter, defaultdict, namedtuple

from compare import differences_of_run, differences_of_value
from harness import wait_until
from reference_learned import Learned, sample_of
from reference_replay import replay
from run_builder import RunBuilder

History = namedtuple("History", (
    "used",           # run id → baselines of its last judgement
    "second_looks",   # how many
    "agents"))        # agent id → Learned, after everything
TOOLS = ["search", "db", "api", "calc"]

WATCH = """
CREATE TABLE judgement_log (n bigserial PRIMARY KEY, run_id text, agent_id text, agent_version text, seq bigint, at text,
                            live text, sample text);
CREATE FUNCTION log_judgement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO judgement_log (run_id, agent_id, agent_version, seq, at, live, sample)
  SELECT NEW.run_id, NEW.agent_id, NEW.agent_version, NEW.seq, NEW.processed_at::text,
         (SELECT coalesce(string_agg(failure_type, ','), '') FROM failure_signals s WHERE s.customer_id = NEW.customer_id
            AND s.run_id = NEW.run_id AND NOT s.shadow AND s.withdrawn_at IS NULL),
         (SELECT to_json(s)::text FROM run_samples s WHERE s.customer_id = NEW.customer_id AND s.run_id = NEW.run_id);
  RETURN NULL;
END $$;
CREATE TRIGGER log_judgement AFTER INSERT OR UPDATE ON processed_runs FOR EACH ROW EXECUTE FUNCTION log_judgement();
"""


def run_of_habit(rng, run_id, agent_id, agent_version):
    """Mostly five to seven turns of a model and a tool; now and then one that is out of the ordinary."""
    run = RunBuilder(run_id, agent_id, agent_version, rng.choice(["sdk", "manual"]), 1767225600 + rng.randrange(10 ** 6) / 4, 0.02)
    odd = rng.choice(["long", "slow tool", "slow model", "bloat", "stall"]) if rng.random() < 0.15 else None
    run.start(tools=TOOLS)
    turns = rng.randint(5, 7) * (4 if odd == "long" else 1)
    first = rng.randint(900, 1100)
    for turn in range(turns):
        grown = 9 if odd == "bloat" else rng.uniform(2, 2.6)
        run.llm(int(first * (1 + (grown - 1) * turn / (turns - 1))), finish_reason="tool_calls", output_length=3,
                after=rng.uniform(0.4, 2) * (30 if odd == "slow model" and turn == 2 else 1))
        if odd != "stall" and rng.random() < 0.8:
            run.tool(rng.choice(TOOLS), success=rng.random() < 0.95, args_hash="%016x" % rng.randrange(10 ** 9),
                     after=rng.uniform(0.1, 1) * (40 if odd == "slow tool" and turn == 1 else 1))
    ending = rng.random()
    if ending < 0.88:
        run.complete(rng.choice(["final_answer", "final_answer", "completed"]))
    elif ending < 0.94:
        run.error()
    return run.events


def watch(host):
    host.sql_rows(WATCH)


def wait_all_judged(host, runs, timeout_s):
    def state():
        return host.sql_rows("SELECT (SELECT count(*) FROM processed_runs), (SELECT count(*) FROM runs WHERE judged_events <"
                             " event_count), (SELECT coalesce(sum(event_count), 0) FROM runs)")[0]
    done = (str(len(runs)), "0", str(sum(len(events) for events in runs.values())))
    wait_until(lambda: state() == done, timeout_s, lambda: "all is judged: %s, have %s" % (done, state()), host.log_tail)


def _sample(text):
    row = json.loads(text) if text else None
    return row and {key: row[key] for key in ("steps", "tool_ms", "llm_ms", "token_growth", "llm_tool_ratio")}


def differences(host, runs, details=None):
    """(differences, History). `runs`: run id → events in the order of arrival; `details`: the host's, where they are known already."""
    details = details or {run_id: host.run(run_id) for run_id in runs}
    log = host.sql_rows("SELECT run_id, agent_id, agent_version, seq, at, live, coalesce(sample, '') FROM judgement_log"
                        " ORDER BY agent_id, seq")
    agents, used, last, found = defaultdict(Learned), {}, {}, []
    newest = defaultdict(lambda: (0, ""))
    for run_id, agent_id, version, seq, at, live, sample in log:
        used[run_id] = agents[agent_id].baselines(run_id, version)
        last[run_id] = _sample(sample)
        joined = agents[agent_id].judge(run_id, version, last[run_id], filter(None, live.split(",")), at)
        before_seq, before_at = newest[agent_id]
        if int(seq) <= before_seq or (at <= before_at if joined else at != agents[agent_id].judged[run_id][1]):
            found.append("%s: judgement %s of %s at %s after %s at %s" % (agent_id, seq, run_id, at, before_seq, before_at))
        newest[agent_id] = (int(seq), max(at, before_at))
    found += ["%s was not judged" % run_id for run_id in runs.keys() ^ last.keys()]
    for run_id, events in runs.items():
        found += differences_of_value(sample_of(replay(events)), last[run_id], run_id + ".sample")
        found += ["%s: %s (baselines %s)" % (run_id, d, used[run_id])
                  for d in differences_of_run(events, details[run_id], baselines=used[run_id])]
    found += _differences_of_tables(host, agents)
    return found, History(used, len(log) - len(last), agents)


def _differences_of_tables(host, agents):
    found = []
    shown = defaultdict(dict)
    for row in host.sql_rows("SELECT agent_id, failure_type, status, affected_runs, clean_runs_since, first_seen, last_seen,"
                             " coalesce(resolved_at::text, '') FROM issues"):
        shown[row[0]][row[1]] = {"status": row[2], "affected_runs": int(row[3]), "clean_runs_since": int(row[4]),
                                 "first_seen": row[5], "last_seen": row[6], "resolved_at": row[7]}
    newest = defaultdict(list)
    for agent_id, version, run_id in host.sql_rows("SELECT agent_id, agent_version, run_id FROM run_samples ORDER BY seq DESC"):
        newest[agent_id, version].append(run_id)
    for agent_id, learned in agents.items():
        found += differences_of_value(learned.issues(), shown[agent_id], "issues of " + agent_id)
        for version in {v for _, v, _ in learned.samples}:
            expected = [r for r, v, _ in learned.samples if v == version][:51]
            if newest[agent_id, version][:51] != expected:
                found.append("the newest samples of %s %s differ" % (agent_id, version))
    return found


def fired_by_habit(host):
    """How many signals were found by comparing with what was learned, by failure type."""
    return Counter(dict((row[0], int(row[1])) for row in host.sql_rows(
        "SELECT failure_type, count(*) FROM failure_signals WHERE evidence ? 'baseline_p75' AND withdrawn_at IS NULL GROUP BY 1")))
