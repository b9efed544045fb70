// The panels of the overview. Each takes the indexed data and the time, and answers with one element.
import {h} from '../dom.js';
import {kNone, number, percent, plural, signed, signed_percent, tokens, type_label} from '../format.js';
import {href} from '../router.js';
import {agent_drift, delta, kWindows, posture, risk_trend, token_waste, top_drivers, top_patterns} from '../statistics.js';
import {confidence_meter, empty, info_button, panel, severity_class, severity_pill} from './basics.js';
import {gauge, hour_bars} from './charts.js';

const kWindowText = {hour: 'the hour before', day: 'the day before', week: 'the week before'};
const kExplained = {
  critical: 'Confidence 0.85 or more, or a high-risk pattern (injection, cascading failure) whatever its confidence.',
  high: 'Confidence 0.70 or more.',
  signals: 'All live signals. Bands by confidence: CRITICAL from 0.85, HIGH from 0.70, MEDIUM from 0.50, LOW below.',
  runs: 'A run is counted once it has been processed, normally within one 5 s poll after its end.',
};

const no_signals = () => empty('No signals yet', 'Every run so far came through clean.');

export function stat_cards(data, window_name, now) {
  const of = (severity) => data.signals.filter((signal) => signal.severity === severity);
  const change = (signals) => delta(signals, kWindows[window_name], now);
  const {totals} = data;
  return h('section', {class: 'stats span-12', 'aria-label': 'Totals'},
    stat('critical', 'Critical', totals.critical, change(of('CRITICAL')), window_name),
    stat('high', 'High', totals.high, change(of('HIGH')), window_name),
    stat('signals', 'Signals', totals.signals, change(data.signals), window_name),
    stat('runs', 'Total runs', totals.runs, null, window_name));
}

function stat(id, label, value, change, window_name) {
  return h('div', {class: `stat stat-${id}${value === 0 ? ' stat-zero' : ''}`, id: `stat-${id}`},
    h('div', {class: 'stat-head'}, h('h2', {class: 'stat-label'}, label), info_button(`tip-${id}`, label, kExplained[id])),
    h('p', {class: 'stat-value'}, number(value)),
    change ? delta_line(change, window_name) : h('p', {class: 'stat-delta'}, 'all agents'));
}

function delta_line({current, before, change}, window_name) {
  if (current === 0 && before === 0) return h('p', {class: 'stat-delta'}, 'no baseline data');
  const tone = change > 0 ? 'up' : change < 0 ? 'down' : 'flat';
  return h('p', {class: 'stat-delta'}, h('span', {class: `delta delta-${tone}`}, signed(change)), ` vs ${kWindowText[window_name]}`);
}

export function trend_panel(data, now) {
  const {hours, total} = risk_trend(data.signals, now);
  return panel('Risk trend', {id: 'trend', class: 'span-8', aside: [h('strong', {class: 'figure'}, number(total)), ' signals in 24 h']},
    hour_bars(hours, {describe: (value) => plural(value, 'signal'), label: `${plural(total, 'signal')} in the last 24 hours, by hour`}));
}

export function posture_panel(data, now) {
  const {mean, daily} = posture(data.signals, now);
  const text = Number.isFinite(mean) ? percent(mean) : kNone;
  return panel('Failure posture', {id: 'posture', class: 'span-4'},
    gauge(mean, text, `Mean confidence of all live signals: ${text}`),
    h('dl', {class: 'facts'},
      h('div', {}, h('dt', {}, 'Daily signals'), h('dd', {}, number(daily))),
      h('div', {}, h('dt', {}, 'Average confidence'), h('dd', {}, text)),
      h('div', {}, h('dt', {}, 'False positive rate'), h('dd', {title: 'Nothing reports false positives yet'}, kNone))));
}

export function patterns_panel(data, now) {
  const rows = top_patterns(data.agents, data.signals, now);
  return panel('Top failure patterns', {id: 'patterns', class: 'span-4'}, rows.length === 0 ? no_signals()
    : h('ol', {class: 'list'}, rows.map(({type, count, severity, trend}) => h('li', {key: type, class: `list-row ${severity_class(severity ?? 'none')}`},
        h('a', {class: 'list-main', href: href('runs', null, {type}), title: type}, type_label(type)),
        severity ? severity_pill(severity) : h('span', {class: 'quiet'}, kNone),
        h('p', {class: 'list-sub'}, h('span', {class: 'figure'}, number(count)), count === 1 ? ' signal · ' : ' signals · ',
          h('span', {class: `delta delta-${trend.change > 0 ? 'up' : trend.change < 0 ? 'down' : 'flat'}`}, signed(trend.change)), ' vs the day before')))));
}

export function waste_panel(data, now) {
  const waste = token_waste(data.with_signals, now);
  const difference = waste.wasted - waste.baseline;
  const badge = waste.warning ? h('span', {class: 'pill sev-high'}, 'WARNING ZONE') : h('span', {class: 'pill sev-clean'}, 'NORMAL');
  const change = waste.baseline > 0 && h('span', {class: `delta delta-${difference > 0 ? 'up' : difference < 0 ? 'down' : 'flat'}`},
    `${difference > 0 ? '+' : difference < 0 ? '−' : '±'}${tokens(Math.abs(difference))} (${signed_percent(difference / waste.baseline)})`);
  return panel('Token waste drift', {id: 'waste', class: 'span-6', aside: badge},
    hour_bars(waste.hours, {describe: tokens, line: waste.hourly,
                            label: `${tokens(waste.wasted)} wasted in the last 24 hours; the 7-day level is ${tokens(waste.baseline)} a day`}),
    h('dl', {class: 'facts facts-row'},
      h('div', {}, h('dt', {}, '24 h wasted'), h('dd', {}, tokens(waste.wasted))),
      h('div', {}, h('dt', {}, '7 d baseline'), h('dd', {}, tokens(waste.baseline))),
      h('div', {}, h('dt', {}, 'Warn trigger'), h('dd', {}, tokens(waste.warn_at))),
      h('div', {}, h('dt', {}, 'Drift'), h('dd', {}, change || kNone))),
    h('p', {class: 'footnote'}, 'An estimate: 250 tokens per step of every run with a live signal.'));
}

export function drivers_panel(data) {
  const rows = top_drivers(data.signals, data.run_by_id);
  const head = [['#', 'num'], ['Failure and agent'], ['Signals', 'num'], ['Runs', 'num'], ['Wasted', 'num'], ['Confidence'], ['Severity']];
  return panel('Top failure drivers', {id: 'drivers', class: 'span-8'}, rows.length === 0 ? no_signals()
    : h('div', {class: 'table-wrap', tabindex: 0, role: 'region', 'aria-label': 'Top failure drivers'}, h('table', {class: 'table'},
        h('thead', {}, h('tr', {}, head.map(([text, name]) => h('th', {scope: 'col', class: name}, text)))),
        h('tbody', {}, rows.map((row, i) => h('tr', {key: `${row.agent_id} ${row.type}`},
          h('td', {class: 'num quiet'}, i + 1),
          h('td', {}, h('a', {href: href('runs', null, {type: row.type, agent: row.agent_id}), class: 'list-main', title: row.type}, type_label(row.type)),
            h('span', {class: 'ellipsis quiet', title: row.agent_id}, row.agent_id)),
          h('td', {class: 'num'}, number(row.signals)), h('td', {class: 'num'}, number(row.runs)),
          h('td', {class: 'num'}, tokens(row.tokens)), h('td', {}, confidence_meter(row.confidence)),
          h('td', {}, severity_pill(row.severity))))))));
}

const kDriftRows = 8;

export function agent_drift_panel(data, now) {
  const rows = agent_drift(data.runs, now);
  const tone = (change) => change > 0.2 ? 'bad' : change > 0 ? 'warn' : change < -0.05 ? 'good' : 'none';
  return panel('Agent signal drift', {id: 'drift', class: 'span-6', aside: 'signals per run, 24 h vs 7 d'},
    rows.length === 0 ? empty('No runs in the last 24 hours', 'Drift compares today’s runs with those of the last 7 days.')
    : h('ol', {class: 'drift'}, rows.slice(0, kDriftRows).map((row) => h('li', {key: row.agent_id, class: `drift-row tone-${tone(row.change)}`,
        title: `${row.today.toFixed(2)} signals per run in 24 h, ${row.usual.toFixed(2)} in 7 d, ${plural(row.runs, 'run')} today`},
        h('span', {class: 'ellipsis drift-name'}, row.agent_id),
        h('span', {class: `drift-track ${row.change < 0 ? 'drift-left' : 'drift-right'}`, 'aria-hidden': 'true'},
          h('span', {class: 'drift-bar', vars: {w: `${Math.min(50, Math.abs(row.change) * 50).toFixed(1)}%`}})),
        h('span', {class: 'num drift-text'}, signed_percent(row.change))))),
    rows.length > kDriftRows && h('p', {class: 'footnote'}, `${plural(rows.length - kDriftRows, 'more agent')} below these.`));
}
