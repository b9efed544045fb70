// One run: what happened, why it was flagged, what to do about it, and every event behind it.
import {copy_button, icon, incomplete_pill, severity_class, severity_pill} from '../components/basics.js';
import {event_log} from '../components/event_log.js';
import {explanation, shadow_cards, signal_cards} from '../components/signals.js';
import {timeline_panel} from '../components/timeline.js';
import {worst} from '../data_index.js';
import {h} from '../dom.js';
import {cut, duration, kNone, number, percent, plural, risk_tone, run_duration, short_id, severity_rank, type_label, utc} from '../format.js';
import {href, run_href} from '../router.js';
import {removed_text} from '../run_model.js';

const kTabs = [['analysis', 'Analysis'], ['events', 'Event log']];
const kSettledAfter = 300;  // seconds after its end during which a run may still get late events and be judged again

export function run_page(app) {
  let run_id = null;
  let run = null;
  let error = null;
  let loading = false;
  const log = {open: new Set(), shown: 0};
  const view = {all_steps: false};

  function show(id) {
    if (id === run_id) return;
    run_id = id;
    run = null;
    error = null;
    log.open.clear();
    log.shown = 0;
    view.all_steps = false;
    load();
  }

  async function load() {
    const wanted = run_id;
    loading = true;
    try {
      const answer = await app.api.run(wanted);
      if (wanted !== run_id) return;  // the user went on meanwhile
      run = prepare(answer);
      error = null;
    } catch (failure) {
      if (wanted !== run_id) return;
      error = failure;
    }
    loading = false;
    app.render();
  }

  function on_poll() {
    if (loading) return;
    const open = !run || !run.exit_reason || run.exit_reason === 'stalled';
    if (open || app.now() - (run.completed_at ?? 0) < kSettledAfter) load();
  }

  function tab() {
    return app.route.query.get('tab') === 'events' ? 'events' : 'analysis';
  }

  function tabs() {
    function keys(event) {
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
      const other = kTabs.find(([name]) => name !== tab())[0];
      app.set_query({tab: other === 'analysis' ? '' : other, step: ''});
      document.getElementById(`tab-${other}`)?.focus();
    }
    return h('div', {class: 'tabs', role: 'tablist', 'aria-label': 'Run views', on: {keydown: keys}}, kTabs.map(([name, label]) => h('button', {
      type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `panel-${name}`, 'aria-selected': String(tab() === name),
      tabindex: tab() === name ? 0 : -1, on: {click: () => app.set_query({tab: name === 'analysis' ? '' : name, step: ''})},
    }, label, name === 'events' && h('span', {class: 'tab-count'}, number(run.events.length)))));
  }

  function analysis() {
    return h('div', {class: 'tab-panel', role: 'tabpanel', id: 'panel-analysis', 'aria-labelledby': 'tab-analysis', key: 'analysis'},
      run.live.length > 1 && h('p', {class: 'strip'}, icon('alerts'), h('span', {}, h('b', {}, `${run.live.length} signals in one run. `),
        'Failures that come together support each other; look for one common cause first.')),
      run.events.length > 0 && timeline_panel(run.events, {all: view.all_steps, show_all: () => { view.all_steps = true; app.render(); }, run_id}),
      h('div', {class: 'analysis-columns'}, explanation(run), signal_cards(run)),
      run.shadow.length > 0 && shadow_cards(run));
  }

  function events() {
    const step = app.route.query.get('step');
    return h('div', {class: 'tab-panel', role: 'tabpanel', id: 'panel-events', 'aria-labelledby': 'tab-events', key: 'events'},
      event_log(run, {log, step: step === null || step === '' ? null : Number(step), render: app.render}));
  }

  function render() {
    return h('div', {class: 'page page-run', key: `run ${run_id}`},
      h('a', {class: 'back', href: app.back_href(), id: 'back'}, icon('back'), 'Back'),
      run ? run_header(run, app) : placeholder_header(run_id, error, load),
      run && removed_notice(run),
      run && incomplete_notice(run.incomplete),
      run && run.truncated && truncated_notice(run.event_count),
      run && [tabs(), tab() === 'events' ? events() : analysis()]);
  }

  return {title: () => `Run ${short_id(run_id)}`, render, show, on_poll};
}

function prepare(run) {
  const by_confidence = (a, b) => severity_rank(a.severity) - severity_rank(b.severity) || b.confidence - a.confidence;
  const signals = run.signals ?? [];
  const events = run.events ?? [];
  const live = signals.filter((signal) => !signal.shadow).sort(by_confidence);
  return {
    ...run, events, live,
    incomplete: run.incomplete ?? [],
    shadow: signals.filter((signal) => signal.shadow).sort(by_confidence),
    model: events.find((event) => event.event_type === 'run.started')?.payload?.model ?? run.model,
    parent: run.parent_run_id ?? events.find((event) => event.parent_run_id)?.parent_run_id ?? null,
    severity: worst(live),
    risk: live.reduce((most, signal) => Math.max(most, signal.confidence), 0),
    top: live.reduce((best, signal) => best === null || signal.confidence > best.confidence ? signal : best, null),
  };
}

function id_line(id) {
  return h('div', {class: 'run-id-line'}, h('span', {class: 'mono run-id', id: 'run-id'}, id), copy_button(id, 'Copy id'));
}

function placeholder_header(id, error, retry) {
  const missing = error?.status === 404;
  return h('header', {class: 'run-head'},
    h('div', {class: 'run-head-main'}, id_line(id),
      h('h1', {}, error ? (missing ? 'This run does not exist' : 'This run could not be loaded') : 'Loading run…'),
      error && h('div', {class: 'run-error', role: 'alert'}, h('p', {}, error.message),
        h('p', {}, missing ? 'It may have been written under another key, or its events have not arrived yet.'
                           : 'Check that the API is running; the page tries again with every refresh.'),
        h('button', {type: 'button', class: 'button', on: {click: retry}}, 'Try again'))));
}

function run_header(run, app) {
  const types = [...new Set(run.live.map((signal) => signal.failure_type))];
  const title = types.length > 0 ? types.map(type_label).join(' + ') : !run.exit_reason ? 'Not judged yet'
      : run.incomplete.length > 0 ? 'Nothing found, judged incompletely' : 'Clean run';
  const unsure = run.live.length === 0 && run.incomplete.length > 0;  // who is missing might have found something
  return h('header', {class: `run-head ${unsure ? 'sev-unknown' : severity_class(run.severity)}`},
    h('div', {class: 'run-head-main'}, id_line(run.run_id),
      h('h1', {id: 'run-title'}, title),
      h('p', {class: 'run-sub'}, h('a', {class: 'wrap', href: app.agent_href(run.agent_id)}, run.agent_id), ' · ', utc(run.started_at),
        run.parent && [' · child of ', h('a', {class: 'mono', href: run_href(run.parent), title: run.parent}, short_id(run.parent))]),
      h('dl', {class: 'run-meta'}, meta(run).map(([name, value, hint]) => h('div', {key: name}, h('dt', {}, name), h('dd', {title: hint ?? null}, value)))),
      !run.exit_reason && h('p', {class: 'run-note'}, 'This run has not been judged: it is still going on, or its end has just arrived. The page looks again every 15 seconds.')),
    h('div', {class: `risk tone-${run.live.length > 0 ? risk_tone(run.risk) : unsure ? 'quiet' : 'good'}`, title: 'Highest confidence of a live signal'},
      h('span', {class: 'risk-label'}, 'Risk'),
      h('span', {class: 'risk-value', id: 'risk'}, run.live.length > 0 ? percent(run.risk) : run.exit_reason && !unsure ? '0%' : kNone),
      run.exit_reason && (unsure ? incomplete_pill(run.incomplete) : severity_pill(run.severity))));
}

// Findings outlive the events they were made from.
function removed_notice(run) {
  if (!run.events_removed) return null;
  return h('div', {class: 'notice', role: 'status', id: 'removed', key: 'removed'},
    h('div', {class: 'notice-text'}, h('p', {class: 'notice-title'}, removed_text(run)),
      h('p', {}, run.exit_reason ? 'What was found in it stays.' : 'It had not been judged until then.')));
}

// Whose word is missing: a run without its findings is no clean run. The host itself stands for all detectors.
function incomplete_notice(failures) {
  if (failures.length === 0) return null;
  const whole = failures.some((one) => one.detector === 'host');
  return h('div', {class: 'notice notice-warn', role: 'status', id: 'incomplete', key: 'incomplete'},
    h('div', {class: 'notice-text'},
      h('p', {class: 'notice-title'}, whole ? 'This run was not judged' : `Judged incompletely: ${plural(failures.length, 'detector')} had no say`),
      h('ul', {class: 'remarks'}, failures.map((one) => h('li', {key: `${one.detector} ${one.reason}`},
        h('span', {class: 'mono wrap'}, one.detector), ': ', h('span', {class: 'wrap'}, one.reason || 'it failed'))))),
    h('a', {class: 'button', href: href('detectors')}, 'See detectors'));
}

function truncated_notice(events) {
  return h('div', {class: 'notice notice-warn', role: 'status', id: 'truncated', key: 'truncated'},
    h('div', {class: 'notice-text'},
      h('p', {class: 'notice-title'}, events > 20000
        ? `Judged in part: of ${number(events)} events the first 20,000 and the end`
        : 'Judged in part: without the largest payloads of this run')));
}

function meta(run) {
  const ending = run.run_exit_reason && run.run_exit_reason !== run.exit_reason ? ` (${cut(run.run_exit_reason, 40)})` : '';
  return [
    ['Duration', duration(run_duration(run))],
    ['Steps', number(run.step_count)],
    ['Model', cut(run.model || kNone, 48), run.model],
    ['Version', cut(run.agent_version || kNone, 24), run.agent_version],
    ['Ended', run.exit_reason ? `${run.exit_reason}${ending}` : 'still open'],
    ['Signals', run.live.length > 0 ? plural(run.live.length, 'signal') : 'none'],
  ];
}
