// Every event of a run; a row opens to its whole payload. Long logs come in portions.
import {h} from '../dom.js';
import {number, plural, utc} from '../format.js';
import {removed_text, status_of, summary} from '../run_model.js';
import {copy_button, empty, icon} from './basics.js';

const kPortion = 300;

function offset(event, start) {
  const seconds = event.timestamp - start;
  if (!Number.isFinite(seconds)) return '';
  return `${seconds < 0 ? '−' : '+'}${Math.abs(seconds).toFixed(3)} s`;
}

function row(event, at, start, {log, step, render}) {
  const open = log.open.has(at);
  const status = status_of(event);
  const toggle = () => { open ? log.open.delete(at) : log.open.add(at); render(); };
  const family = String(event.event_type).split('.')[0];
  const line = h('tr', {key: `e${at}`, class: `event${open ? ' event-open' : ''}${event.step_index === step ? ' event-mark' : ''}`,
                        'data-step': event.step_index, on: {click: (e) => { if (!e.target.closest('button')) toggle(); }}},
    h('td', {class: 'cell-toggle'}, h('button', {type: 'button', class: 'toggle', 'aria-expanded': String(open), 'aria-label': `Payload of event ${at + 1}`,
                                                 'aria-controls': `payload-${at}`, on: {click: toggle}}, icon('chevron'))),
    h('td', {class: 'num mono'}, event.step_index),
    h('td', {class: 'mono'}, h('span', {class: `event-type family-${family}`}, event.event_type)),
    h('td', {class: 'num mono', title: utc(event.timestamp)}, offset(event, start)),
    h('td', {}, status.text && h('span', {class: `status ${status.tone ? `tone-${status.tone}` : ''}`}, status.text)),
    h('td', {class: 'event-summary mono'}, h('span', {}, summary(event))));
  if (!open) return [line];
  const text = JSON.stringify(event.payload ?? {}, null, 2);
  return [line, h('tr', {key: `p${at}`, class: 'payload-row', id: `payload-${at}`}, h('td', {colspan: 6},
    h('div', {class: 'payload'}, h('div', {class: 'payload-head'}, h('span', {}, utc(event.timestamp)), copy_button(text, 'Copy payload')),
      h('pre', {tabindex: 0, 'aria-label': 'Payload'}, h('code', {}, text)))))];
}

// log: {open: Set of row numbers, shown} belongs to the page; step: the step to mark, or null.
export function event_log(run, {log, step, render}) {
  const {events} = run;
  if (events.length === 0) return h('div', {class: 'panel'}, empty('No events', run.events_removed ? removed_text(run) : 'This run has no events.'));
  const marked = step === null ? -1 : events.findIndex((event) => event.step_index === step);
  log.shown = Math.max(log.shown, kPortion, marked + 50);
  const start = run.started_at ?? events[0].timestamp;
  const rows = events.slice(0, log.shown).flatMap((event, at) => row(event, at, start, {log, step, render}));
  const more = () => { log.shown += kPortion; render(); };
  return h('section', {class: 'panel panel-flush', 'aria-label': 'Event log'},
    h('div', {class: 'log-head'},
      h('p', {}, `${plural(events.length, 'event')}. Content never left your agent: inputs, arguments, outputs and errors appear as hashes and lengths.`),
      copy_button(run.run_id, 'Copy run id')),
    h('div', {class: 'table-wrap', tabindex: 0, role: 'region', 'aria-label': 'Events'}, h('table', {class: 'table log'},
      h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, h('span', {class: 'hidden-visually'}, 'Payload')), h('th', {scope: 'col', class: 'num'}, 'Step'),
        h('th', {scope: 'col'}, 'Event'), h('th', {scope: 'col', class: 'num'}, 'Offset'), h('th', {scope: 'col'}, 'Status'), h('th', {scope: 'col'}, 'Summary'))),
      h('tbody', {}, rows))),
    log.shown < events.length && h('p', {class: 'log-more'}, h('button', {type: 'button', class: 'button', on: {click: more}},
      `Show more (${number(events.length - log.shown)} left)`)));
}
