// The figures of the overview, from what was loaded. Pure: time is passed in (epoch seconds).
import {group_by, sum, worst} from './data_index.js';

const kHour = 3600;
const kDay = 24 * kHour;
export const kHours = 24;
export const kWindows = {hour: kHour, day: kDay, week: 7 * kDay};

// Signals of the current window against those of the window before it.
export function delta(signals, span, now) {
  let current = 0;
  let before = 0;
  for (const signal of signals) {
    const age = now - signal.detected_at;
    if (age < span) ++current;
    else if (age < 2 * span) ++before;
  }
  return {current, before, change: current - before};
}

// The last 24 clock hours (UTC), the current one last.
export function by_hour(items, now, time_of, weight_of = () => 1) {
  const current = Math.floor(now / kHour);
  const hours = Array.from({length: kHours}, (_, i) => ({start: (current - kHours + 1 + i) * kHour, value: 0}));
  for (const item of items) {
    const slot = Math.floor(time_of(item) / kHour) - (current - kHours + 1);
    if (slot >= 0 && slot < kHours) hours[slot].value += weight_of(item);
  }
  return hours;
}

export function risk_trend(signals, now) {
  const hours = by_hour(signals, now, (signal) => signal.detected_at);
  const total = sum(hours, (hour) => hour.value);
  const average = total / kHours;
  for (const hour of hours) {
    const {value} = hour;
    hour.tone = value > 2.5 * average || value >= 5 ? 'bad'
        : value > 1.5 * average || value >= 3 ? 'warn' : 'good';
  }
  return {hours, total};
}

// Tokens of runs with a live signal, filed under the time the first of their signals was found.
export function token_waste(runs_with_signals, now) {
  const items = runs_with_signals.map((run) => ({
    at: Math.min(...run.signals.map((signal) => signal.detected_at)), tokens: run.tokens,
  }));
  const hours = by_hour(items, now, (item) => item.at, (item) => item.tokens);
  const week = sum(items.filter((item) => now - item.at < 7 * kDay), (item) => item.tokens);
  const hourly = week / (7 * kHours);
  const wasted = sum(hours, (hour) => hour.value);
  const baseline = kHours * hourly;
  for (const hour of hours) hour.tone = hour.value > 1.2 * hourly ? 'bad' : 'good';
  return {hours, hourly, wasted, baseline, warn_at: 1.2 * baseline, warning: baseline > 0 && wasted > 1.2 * baseline};
}

export function top_patterns(agents, signals, now) {
  const counts = new Map();
  for (const agent of agents) {
    for (const [type, count] of Object.entries(agent.failure_types ?? {})) counts.set(type, (counts.get(type) ?? 0) + count);
  }
  const by_type = group_by(signals, (signal) => signal.failure_type);
  return [...counts].filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, 5)
      .map(([type, count]) => {
        const known = by_type.get(type) ?? [];
        return {type, count, severity: worst(known), trend: delta(known, kDay, now)};
      });
}

export function posture(signals, now) {
  const mean = signals.length > 0 ? sum(signals, (signal) => signal.confidence) / signals.length : NaN;
  return {mean, daily: signals.filter((signal) => now - signal.detected_at < kDay).length};
}

// The runs behind some signals, each once, and the tokens they cost.
export function affected(signals, run_by_id) {
  const ids = [...new Set(signals.map((signal) => signal.run_id))];
  return {run_ids: ids, tokens: sum(ids, (id) => run_by_id.get(id)?.tokens)};
}

export function top_drivers(signals, run_by_id) {
  const groups = [...group_by(signals, (signal) => JSON.stringify([signal.agent_id, signal.failure_type])).values()];
  return groups.sort((a, b) => b.length - a.length).slice(0, 5).map((group) => {
    const {run_ids, tokens} = affected(group, run_by_id);
    return {
      agent_id: group[0].agent_id, type: group[0].failure_type, signals: group.length, runs: run_ids.length, tokens,
      confidence: sum(group, (signal) => signal.confidence) / group.length, severity: worst(group),
    };
  });
}

// Signals per run of the last 24 h against the last 7 days, for agents with runs in the 24 h. Signals are counted with
// their run, so that both windows hold the same runs above and below the line.
export function agent_drift(runs, now) {
  const rows = [];
  for (const [agent_id, mine] of group_by(runs, (run) => run.agent_id)) {
    const week = mine.filter((run) => now - run.time < 7 * kDay);
    const day = week.filter((run) => now - run.time < kDay);
    if (day.length === 0) continue;
    const rate = (list) => sum(list, (run) => run.signals.length) / list.length;
    const today = rate(day);
    const usual = rate(week);
    rows.push({agent_id, today, usual, runs: day.length, change: usual > 0 ? today / usual - 1 : 0});
  }
  return rows.sort((a, b) => b.change - a.change);
}

// Newest runs with signals first, filled up with clean ones.
export function feed(data, length) {
  const clean = data.runs.filter((run) => run.signals.length === 0);
  return [...data.with_signals.slice(0, length), ...clean.slice(0, Math.max(0, length - data.with_signals.length))];
}

export function alert_groups(signals, run_by_id) {
  return [...group_by(signals, (signal) => signal.failure_type)].map(([type, group]) => {
    const runs = [...group_by(group, (signal) => signal.run_id)].map(([run_id, mine]) => ({
      run_id, agent_id: mine[0].agent_id, severity: worst(mine), tokens: run_by_id.get(run_id)?.tokens,
      confidence: Math.max(...mine.map((signal) => signal.confidence)),
      latest: Math.max(...mine.map((signal) => signal.detected_at)),
    })).sort((a, b) => b.latest - a.latest);
    return {
      type, runs, signals: group.length, severity: worst(group), tokens: affected(group, run_by_id).tokens,
      latest: runs[0].latest,
    };
  });
}
