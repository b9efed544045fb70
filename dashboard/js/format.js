// How values read: the vocabulary of every page. Pure functions, no DOM.

export const kSeverities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'];
export const kNone = '—';  // unknown or not yet

const kAcronyms = new Set(['LLM', 'RAG', 'API', 'SQL']);
const kTokensPerStep = 250;  // an estimate: clients need not report tokens

const integers = new Intl.NumberFormat('en-US', {maximumFractionDigits: 0});

export function number(value) {
  return Number.isFinite(value) ? integers.format(value) : kNone;
}

// 0 for CRITICAL; unknown severities come after LOW, CLEAN after everything.
export function severity_rank(severity) {
  const rank = kSeverities.indexOf(severity);
  return rank >= 0 ? rank : severity ? kSeverities.length : kSeverities.length + 1;
}

export function type_label(type) {
  return String(type ?? '').split('_').filter(Boolean).map((word) =>
      kAcronyms.has(word) ? word : word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join(' ') || kNone;
}

export function short_id(id) {
  const points = [...String(id ?? '')];
  return points.length > 9 ? points.slice(0, 8).join('') + '…' : points.join('');
}

export function cut(text, length) {
  const points = [...String(text ?? '')];
  return points.length > length ? points.slice(0, length - 1).join('') + '…' : points.join('');
}

// Whole percent, truncated, as the explanations say it: 0.7667 is 76 %.
export function percent(share) {
  return Number.isFinite(share) ? `${Math.floor(share * 100 + 1e-9)}%` : kNone;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return kNone;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${(seconds / 60).toFixed(1)} min`;
}

export function run_duration(run) {
  return Number.isFinite(run.started_at) && Number.isFinite(run.completed_at) ? run.completed_at - run.started_at : NaN;
}

export function milliseconds(ms) {
  return Number.isFinite(ms) ? duration(ms / 1000) : kNone;
}

export function age(at, now) {
  if (!Number.isFinite(at)) return kNone;
  const seconds = Math.max(0, now - at);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 72 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${number(Math.floor(seconds / 86400))} d ago`;
}

export function utc(at) {
  if (!Number.isFinite(at) || Math.abs(at) > 8.64e12) return kNone;
  return new Date(at * 1000).toISOString().replace('T', ' ').slice(0, 19) + ' UTC';
}

export function utc_clock(at) {
  return new Date(at * 1000).toISOString().slice(11, 19);
}

export function tokens_of_run(run) {
  return Math.max(0, run?.step_count ?? 0) * kTokensPerStep;
}

export function tokens(count) {
  if (!Number.isFinite(count)) return kNone;
  if (count < 1000) return `${Math.round(count)} tk`;
  if (count < 999_950) return `${trim(count / 1000)}k tk`;
  return `${trim(count / 1e6)}M tk`;
}

function trim(value) {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '');
}

export function signed(count) {
  return count > 0 ? `+${number(count)}` : count < 0 ? `−${number(-count)}` : '±0';
}

export function signed_percent(share) {
  const whole = Math.round(share * 100);
  return whole > 0 ? `+${number(whole)}%` : whole < 0 ? `−${number(-whole)}%` : '±0%';
}

// Colour class of a confidence: red from 0.8, amber from 0.5, green otherwise.
export function risk_tone(confidence) {
  return confidence >= 0.8 ? 'bad' : confidence >= 0.5 ? 'warn' : 'good';
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}
