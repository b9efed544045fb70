// Runs as rows: used by the feed of the overview and by "All runs". A table on wide screens, cards on phones (CSS).
import {h} from '../dom.js';
import {age, duration, kNone, number, run_duration, short_id, utc} from '../format.js';
import {run_href} from '../router.js';
import {incomplete_pill, severity_class, severity_pill, type_chip} from './basics.js';

const kChips = 3;

function open_row(event, run_id) {
  if (event.target.closest('a, button') || String(window.getSelection()) !== '') return;
  location.hash = run_href(run_id);
}

function outcome(run) {
  return run.exit_reason && run.exit_reason !== 'completed' &&
         h('span', {class: `outcome outcome-${run.exit_reason === 'errored' ? 'bad' : 'warn'}`}, run.exit_reason);
}

// A run without its findings is no clean run.
function verdict(run) {
  const missing = run.incomplete ?? [];
  if (missing.length === 0) return severity_pill(run.severity);
  return [run.severity && severity_pill(run.severity), incomplete_pill(missing)];
}

function row(run, now, {parents}) {
  const extra = run.types.length - kChips;
  return h('tr', {class: `row ${severity_class(run.severity)}`, key: run.run_id, on: {click: (event) => open_row(event, run.run_id)}},
    h('td', {class: 'cell-id', 'data-label': 'Run'},
      h('a', {class: 'mono', href: run_href(run.run_id), title: run.run_id}, short_id(run.run_id)), outcome(run),
      parents && run.parent_run_id && h('a', {class: 'parent mono', href: run_href(run.parent_run_id), title: `Parent run ${run.parent_run_id}`},
                                        '↳ child of ', short_id(run.parent_run_id))),
    h('td', {class: 'cell-agent', 'data-label': 'Agent'}, h('span', {class: 'ellipsis', title: run.agent_id}, run.agent_id)),
    h('td', {class: 'num cell-signals', 'data-label': 'Signals'}, number(run.signals.length)),
    h('td', {class: 'cell-severity', 'data-label': 'Severity'}, verdict(run)),
    h('td', {class: 'cell-types', 'data-label': 'Failures'}, run.types.length === 0 ? h('span', {class: 'quiet'}, kNone)
      : h('span', {class: 'chips'}, run.types.slice(0, kChips).map((type) =>
          type_chip(type, run.signals.find((signal) => signal.failure_type === type).severity)),
          extra > 0 && h('span', {class: 'chip', title: run.types.slice(kChips).join(', ')}, `+${extra}`))),
    h('td', {class: 'num cell-duration', 'data-label': 'Duration'}, duration(run_duration(run))),
    h('td', {class: 'num cell-steps', 'data-label': 'Steps'}, number(run.step_count)),
    h('td', {class: 'num cell-age', 'data-label': 'Ended', title: utc(run.time)}, age(run.time || NaN, now)),
    h('td', {class: 'cell-view'}, h('a', {class: 'view', href: run_href(run.run_id), 'aria-label': `View run ${short_id(run.run_id)}`}, 'View')));
}

// options: {caption, parents}
export function run_table(runs, now, options) {
  const heads = [['Run'], ['Agent'], ['Signals', 'num'], ['Severity'], ['Failure types'], ['Duration', 'num'], ['Steps', 'num'], ['Ended', 'num']];
  return h('div', {class: 'table-wrap'},
    h('table', {class: 'table runs'},
      h('caption', {class: 'hidden-visually'}, options.caption),
      h('thead', {}, h('tr', {}, heads.map(([text, name]) => h('th', {scope: 'col', class: name}, text)),
                       h('th', {scope: 'col'}, h('span', {class: 'hidden-visually'}, 'Open')))),
      h('tbody', {}, runs.map((run) => row(run, now, options)))));
}
