// What judges the runs: every detector with its state, what it emits, where it runs and what it did wrong.
import {empty, panel} from '../components/basics.js';
import {h} from '../dom.js';
import {age, cut, kNone, number, plural, short_id, type_label, utc} from '../format.js';
import {run_href} from '../router.js';

const kStates = {
  live: ['tone-good', 'What it finds is counted, shown and alerted'],
  shadow: ['pill-shadow', 'What it finds is stored and alerts nobody'],
  disabled: ['tone-quiet', 'Switched off in detectors.yml'],
  quarantined: ['tone-bad', 'Off for what it did; other detectors go on'],
  loaded: ['tone-quiet', 'There and checked; nothing can configure it in this version'],
  absent: ['tone-quiet', 'No host has it any more'],
};
const kKinds = {alert: 'Destination', integration: 'Integration'};
const kDetectors = {caption: 'Detectors and how they behave', name: 'Detector', what: 'Emits'};
const kOthers = {caption: 'Destinations and integrations', name: 'Plugin', what: 'Kind'};
const kModes = {in_process: 'in the host', isolated: 'isolated'};

export function detectors_page(app) {
  function render() {
    const {plugins, plugins_error, loaded_at} = app.store;
    const components = [...(plugins?.components ?? [])].sort(off_first);
    const detectors = components.filter((one) => one.kind === 'detector');
    const others = components.filter((one) => one.kind !== 'detector');
    return h('div', {class: 'page', key: 'detectors'},
      h('div', {class: 'page-head'}, h('div', {}, h('h1', {}, 'Detectors'),
        h('p', {class: 'page-sub', id: 'detectors-count', role: 'status'}, plugins ? subtitle(detectors) : 'What judges the runs'))),
      !plugins ? (plugins_error || loaded_at ? unavailable(plugins_error) : app.waiting()) : [
        plugins_error && h('div', {class: 'notice notice-warn', role: 'status', key: 'old'},
          h('p', {class: 'notice-text'}, `The state of detectors could not be refreshed and may be old: ${plugins_error.message}`)),
        reload_notice(plugins.reload, app.now()),
        h('section', {class: 'panel panel-flush', 'aria-label': 'Detectors', key: 'detectors'}, detectors.length > 0
          ? table(detectors, app.now(), kDetectors)
          : empty('No host has reported detectors yet', 'A process with the role detect does so when it starts.')),
        others.length > 0 && panel('Destinations and integrations', {id: 'other-plugins', class: 'panel-table', aside: counts_of(others),
          note: 'Nothing can configure them in this version, so they are loaded and do nothing.'}, table(others, app.now(), kOthers)),
        left_out(plugins.hosts ?? []),
      ]);
  }

  return {title: 'Detectors', render};
}

// Sorting is stable: the rest stays as the API has it.
function off_first(a, b) {
  return (a.state === 'quarantined' ? 0 : 1) - (b.state === 'quarantined' ? 0 : 1);
}

function unavailable(error) {
  return h('div', {class: 'panel', key: 'unavailable'}, empty('The state of detectors could not be loaded',
    `${error?.message ?? 'The API gave no answer.'} Runs and signals are not affected. Trying again every 15 seconds.`));
}

function subtitle(detectors) {
  return detectors.length > 0 ? `${plural(detectors.length, 'detector')}: ${counts_of(detectors)}` : 'None reported';
}

function counts_of(list) {
  const counts = Object.keys(kStates).map((state) => [state, list.filter((one) => one.state === state).length]);
  return counts.filter(([, count]) => count > 0).map(([state, count]) => `${number(count)} ${state}`).join(' · ');
}

function state_pill(state) {
  const [tone, hint] = kStates[state] ?? ['tone-quiet', ''];
  return h('span', {class: `pill ${tone}`, title: hint}, String(state).toUpperCase());
}

function table(list, now, {caption, name, what}) {
  const heads = [[name], ['State'], [what], ['Runs'], ['Version'], ['Strikes', 'num', 'In the last 10 minutes; three are too many'],
                 ['Last strike'], ['Failed', 'num', 'Runs of the last 24 hours it could not judge']];
  return h('div', {class: 'table-wrap'}, h('table', {class: 'table plugins'},
    h('caption', {class: 'hidden-visually'}, caption),
    h('thead', {}, h('tr', {}, heads.map(([text, look = '', title]) => h('th', {scope: 'col', class: look, title}, text)))),
    h('tbody', {}, list.map((one) => [row(one, now), one.quarantine && one.state !== 'absent' && why_row(one, now)]))));
}

function row(one, now) {
  return h('tr', {class: `row state-${one.state}`, key: `${one.component} ${one.sha256}`},
    h('td', {class: 'cell-name'}, h('span', {class: 'plugin-title'}, one.title || one.component),
      h('span', {class: 'plugin-id mono ellipsis', title: `${one.component} of ${one.library}`}, one.component)),
    h('td', {class: 'cell-state'}, state_pill(one.state)),
    h('td', {class: 'cell-types', 'data-label': 'Emits'}, one.kind !== 'detector' ? h('span', {class: 'chip'}, kKinds[one.kind] ?? one.kind)
      : one.signal_types.length === 0 ? h('span', {class: 'quiet'}, kNone)
      : h('span', {class: 'chips'}, one.signal_types.map((type) => h('span', {class: 'chip', title: type}, type_label(type))))),
    h('td', {class: 'cell-mode', 'data-label': 'Runs', title: one.sandbox}, kModes[one.mode] ?? one.mode),
    h('td', {class: 'cell-version mono', 'data-label': 'Version', title: [`SHA-256 ${one.sha256}`, one.file].filter(Boolean).join('\n')}, one.version || kNone),
    h('td', {class: `num cell-strikes ${one.strikes_10m > 0 ? '' : 'zero'}`, 'data-label': 'Strikes'}, number(one.strikes_10m)),
    h('td', {class: 'cell-strike', 'data-label': 'Last strike'}, last_strike(one.last_strike, now)),
    h('td', {class: `num cell-failed ${one.failed_runs_24h > 0 ? '' : 'zero'}`, 'data-label': 'Failed runs'}, number(one.failed_runs_24h)));
}

function last_strike(strike, now) {
  if (!strike) return h('span', {class: 'quiet'}, kNone);
  return [
    h('span', {class: 'strike-head'}, h('b', {}, strike.offence), ' ', h('span', {class: 'quiet', title: utc(strike.at)}, age(strike.at, now)),
      strike.run_id && [' in ', h('a', {class: 'mono', href: run_href(strike.run_id), title: strike.run_id}, short_id(strike.run_id))]),
    strike.text && h('span', {class: 'strike-text', title: strike.text}, cut(strike.text, 120)),
  ];
}

function why_row(one, now) {
  return h('tr', {class: 'why', key: `why ${one.component} ${one.sha256}`}, h('td', {colspan: 8},
    h('p', {}, 'Off for ', h('span', {title: `since ${utc(one.quarantine.since)}`}, age(one.quarantine.since, now).replace(' ago', '')), `: ${one.quarantine.reason}. `,
      'It stays off until its file is replaced, or until ', h('code', {}, `dunetrace plugins enable ${one.component}`), '.')));
}

function reload_notice(reload, now) {
  if (!reload || reload.ok) return null;
  return h('div', {class: 'notice notice-bad', role: 'alert', id: 'reload-notice', key: 'reload'}, h('div', {class: 'notice-text'},
    h('p', {class: 'notice-title'}, 'A changed configuration is refused'),
    h('p', {}, `What was in force before still is. Tried ${age(reload.at, now)}${reload.host ? ` on ${reload.host}` : ''}:`),
    h('p', {class: 'mono wrap reload-error'}, reload.error)));
}

function left_out(hosts) {
  const files = hosts.flatMap((host) => host.not_loaded.map((one) => ({...one, host: host.host})));
  const notes = hosts.flatMap((host) => host.notes.map((text) => ({text, host: host.host})));
  const unlocked = hosts.filter((host) => host.unlocked);
  if (files.length + notes.length + unlocked.length === 0) return null;
  return panel('Not as it lies on disk', {id: 'left-out', aside: plural(files.length + notes.length + unlocked.length, 'remark')},
    h('ul', {class: 'remarks'},
      unlocked.map((host) => h('li', {key: `unlocked ${host.host}`}, h('b', {}, host.host), ': ', h('code', {}, 'PLUGINS_UNLOCKED'), ' is set; plugins are loaded without a lock file')),
      files.map((one) => h('li', {key: `file ${one.host} ${one.file}`}, h('span', {class: 'mono wrap'}, one.file), ' was not loaded: ', one.reason)),
      notes.map((one) => h('li', {key: `note ${one.host} ${one.text}`}, one.text))));
}
