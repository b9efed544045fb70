// Every loaded run, newest first, with filters that live in the URL.
import {empty} from '../components/basics.js';
import {get_started} from '../components/get_started.js';
import {run_table} from '../components/run_table.js';
import {h} from '../dom.js';
import {kSeverities, number, plural, type_label} from '../format.js';

const kRows = 100;
const kIncomplete = 'INCOMPLETE';  // not every detector had its say: neither clean nor of a severity

export function runs_page(app) {
  function filters() {
    const {query} = app.route;
    return {q: query.get('q') ?? '', severity: query.get('severity') ?? '', agent: query.get('agent') ?? '', type: query.get('type') ?? ''};
  }

  function select(name, label, value, options) {
    return h('label', {class: 'field'}, h('span', {class: 'field-label'}, label),
      h('select', {id: `filter-${name}`, value, on: {change: (event) => app.set_query({[name]: event.currentTarget.value})}},
        options.map(([option, text]) => h('option', {value: option, key: option}, text))));
  }

  function bar(data, current) {
    const agents = data.agents.map((agent) => [agent.agent_id, agent.agent_id]).sort((a, b) => a[0].localeCompare(b[0]));
    const types = [...new Set(data.signals.map((signal) => signal.failure_type))].sort().map((type) => [type, type_label(type)]);
    const with_current = (list, value) => value && !list.some(([option]) => option === value) ? [...list, [value, value]] : list;
    return h('div', {class: 'filters', role: 'search'},
      h('label', {class: 'field field-wide'}, h('span', {class: 'field-label'}, 'Search'),
        h('input', {id: 'filter-q', type: 'search', placeholder: 'Run id or agent', value: current.q, autocomplete: 'off', spellcheck: 'false',
                    on: {input: (event) => app.set_query({q: event.currentTarget.value})}})),
      select('severity', 'Severity', current.severity, [['', 'All severities'], ...kSeverities.map((s) => [s, s]), ['CLEAN', 'CLEAN'], [kIncomplete, kIncomplete]]),
      select('agent', 'Agent', current.agent, [['', 'All agents'], ...with_current(agents, current.agent)]),
      select('type', 'Failure type', current.type, [['', 'All types'], ...with_current(types, current.type)]),
      Object.values(current).some(Boolean) &&
        h('button', {type: 'button', class: 'button', id: 'filter-clear', on: {click: () => app.set_query({q: '', severity: '', agent: '', type: ''})}}, 'Clear filters'));
  }

  function render() {
    const {data, loaded_at} = app.store;
    const current = filters();
    const found = data.runs.filter((run) => matches(run, current));
    return h('div', {class: 'page', key: 'runs'},
      h('div', {class: 'page-head'}, h('div', {}, h('h1', {}, 'All runs'),
        h('p', {class: 'page-sub', id: 'runs-count', role: 'status'}, count_text(found.length, data)))),
      !loaded_at ? app.waiting() : data.agents.length === 0 ? get_started(app.api) : [
        bar(data, current),
        h('section', {class: 'panel panel-flush', 'aria-label': 'Runs'},
          found.length > 0 ? run_table(found.slice(0, kRows), app.now(), {caption: 'Runs, newest first', parents: true})
          : data.runs.length === 0 ? empty('No run has ended yet', 'A run shows here once it has ended, or once it has been silent for 90 seconds.')
          : empty('No run matches these filters', 'Change or clear a filter to see more runs.')),
      ]);
  }

  return {title: 'All runs', render};
}

function verdicts(run) {
  const incomplete = (run.incomplete ?? []).length > 0;
  return [run.severity ?? (incomplete ? null : 'CLEAN'), incomplete && kIncomplete];
}

function matches(run, {q, severity, agent, type}) {
  if (agent && run.agent_id !== agent) return false;
  if (severity && !verdicts(run).includes(severity)) return false;
  if (type && !run.types.includes(type)) return false;
  const text = q.trim().toLowerCase();
  return !text || run.run_id.toLowerCase().includes(text) || run.agent_id.toLowerCase().includes(text);
}

function count_text(found, {runs, coverage}) {
  const loaded = `${plural(runs.length, 'run')} loaded${coverage.more_runs ? ' (the newest 200 of each agent)' : ''}`;
  const shown = found > kRows ? `Newest ${kRows} of ${number(found)}` : `Showing ${number(found)}`;
  return `${shown} · ${loaded}`;
}
