// One pass over what was loaded: signals by run, and for every run what rows and cards ask for again and again. Pages
// look things up here and never search a list per row.
import {severity_rank, tokens_of_run} from './format.js';

export function index(agents, runs, all_signals, coverage) {
  const signals = [];
  const shadow = [];
  for (const signal of all_signals) (signal.shadow ? shadow : signals).push(slim(signal));
  const by_run = group_by(signals, (signal) => signal.run_id);

  const run_by_id = new Map();
  for (const run of runs) run_by_id.set(run.run_id, view_of(run, by_run.get(run.run_id) ?? []));
  const sorted = [...run_by_id.values()].sort((a, b) => b.time - a.time);
  return {
    agents, signals, shadow, coverage, run_by_id,
    runs: sorted,
    with_signals: sorted.filter((run) => run.signals.length > 0),
    totals: {
      runs: sum(agents, (agent) => agent.run_count),
      signals: sum(agents, (agent) => agent.signal_count),
      critical: sum(agents, (agent) => agent.critical_count),
      high: sum(agents, (agent) => agent.high_count),
    },
  };
}

export function sum(list, value) {
  let total = 0;
  for (const item of list) total += value(item) || 0;
  return total;
}

export function group_by(list, key) {
  const groups = new Map();
  for (const item of list) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

export function worst(signals) {
  let found = null;
  for (const signal of signals) {
    if (found === null || severity_rank(signal.severity) < severity_rank(found)) found = signal.severity;
  }
  return found;
}

// Lists need no explanations; 500 of them per agent would be held for nothing.
function slim({id, failure_type, severity, confidence, detected_at, run_id, agent_id, shadow, title}) {
  return {id, failure_type, severity, confidence, detected_at, run_id, agent_id, shadow, title};
}

function view_of(run, signals) {
  signals.sort((a, b) => severity_rank(a.severity) - severity_rank(b.severity) || b.confidence - a.confidence);
  return {
    ...run,
    signals,
    severity: worst(signals),  // null = clean
    risk: signals.reduce((most, signal) => Math.max(most, signal.confidence), 0),
    types: [...new Set(signals.map((signal) => signal.failure_type))],
    time: run.completed_at ?? run.started_at ?? 0,
    tokens: tokens_of_run(run),
  };
}
