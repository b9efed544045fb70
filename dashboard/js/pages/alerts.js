// Live signals by failure type, the worst first; below, what detectors on probation found.
import {confidence_meter, empty, icon, severity_class, severity_pill} from '../components/basics.js';
import {get_started} from '../components/get_started.js';
import {h} from '../dom.js';
import {age, number, plural, severity_rank, short_id, tokens, type_label, utc} from '../format.js';
import {href, run_href} from '../router.js';
import {alert_groups} from '../statistics.js';

const kLiveRuns = 6;
const kShadowRuns = 5;

export function alerts_page(app) {
  const opened = new Map();  // group key → chosen by the user; without an entry the severity decides

  function is_open(key, group) {
    return opened.get(key) ?? (!key.startsWith('shadow') && severity_rank(group.severity) <= 1);
  }

  function group_card(group, prefix, limit) {
    const key = `${prefix}-${group.type}`;
    const open = is_open(key, group);
    const toggle = () => { opened.set(key, !open); app.render(); };
    return h('article', {class: `group ${severity_class(group.severity)}`, key},
      h('h3', {class: 'group-title'},
        h('button', {type: 'button', class: 'group-head', 'aria-expanded': String(open), 'aria-controls': `body-${key}`, on: {click: toggle}},
          h('span', {class: 'group-chevron'}, icon('chevron')),
          h('span', {class: 'group-name', title: group.type}, type_label(group.type)), severity_pill(group.severity),
          h('span', {class: 'group-facts'},
            h('span', {}, h('b', {}, number(group.runs.length)), group.runs.length === 1 ? ' run' : ' runs'),
            h('span', {}, h('b', {}, tokens(group.tokens)), prefix === 'shadow' ? ' used' : ' wasted'),
            h('span', {title: utc(group.latest)}, age(group.latest, app.now()))))),
      h('div', {class: 'group-body', id: `body-${key}`, hidden: !open}, open && [
        h('ul', {class: 'group-runs'}, group.runs.slice(0, limit).map((run) => run_line(run, app.now()))),
        group.runs.length > limit && h('p', {class: 'group-more'}, prefix === 'shadow' ? `and ${plural(group.runs.length - limit, 'more run')}`
          : h('a', {href: href('runs', null, {type: group.type})}, `and ${plural(group.runs.length - limit, 'more run')}`)),
      ]));
  }

  function render() {
    const {data, loaded_at} = app.store;
    const groups = alert_groups(data.signals, data.run_by_id).sort(worst_first);
    return h('div', {class: 'page', key: 'alerts'},
      h('div', {class: 'page-head'}, h('div', {}, h('h1', {}, 'Alerts'), h('p', {class: 'page-sub'}, subtitle(data, groups)))),
      !loaded_at ? app.waiting() : data.agents.length === 0 ? get_started(app.api) : [
        h('section', {class: 'groups', 'aria-label': 'Live signals by failure type', key: 'live'}, groups.length > 0
          ? groups.map((group) => group_card(group, 'live', kLiveRuns))
          : h('div', {class: 'panel'}, empty('No signals yet', 'Every run so far came through clean. Signals show here within a second after a run has ended.'))),
        data.shadow.length > 0 && shadow_section(data),
      ]);
  }

  function shadow_section(data) {
    const groups = alert_groups(data.shadow, data.run_by_id).sort(worst_first);
    return h('section', {class: 'shadow', id: 'shadow', 'aria-labelledby': 'shadow-title', key: 'shadow'},
      h('header', {class: 'shadow-head'}, h('h2', {id: 'shadow-title'}, 'Stored, not alerted'), h('span', {class: 'pill pill-shadow'}, 'SHADOW'),
        h('span', {class: 'shadow-total'}, plural(data.shadow.length, 'signal'))),
      h('p', {class: 'shadow-hint'}, 'These detectors are on probation: what they find is kept here and counts nowhere else. When one is right often enough (above 80 % is a good bar), make it live: in ',
        h('code', {}, 'detectors.yml'), ', under ', h('code', {}, 'plugins'), ' and ', h('code', {}, 'detectors'), ', give it ', h('code', {}, 'live: true'),
        ', and take its type out of ', h('code', {}, 'SHADOW_DETECTORS'), ' if it is named there.'),
      h('div', {class: 'groups'}, groups.map((group) => group_card(group, 'shadow', kShadowRuns))));
  }

  return {title: 'Alerts', render};
}

function worst_first(a, b) {
  return severity_rank(a.severity) - severity_rank(b.severity) || b.signals - a.signals || a.type.localeCompare(b.type);
}

function subtitle(data, groups) {
  if (groups.length === 0) return 'Live signals, grouped by what went wrong';
  const cover = data.coverage.more_signals ? ' · the newest 500 signals of each agent' : '';
  return `${plural(data.signals.length, 'live signal')} in ${plural(groups.length, 'group')}${cover}`;
}

function run_line(run, now) {
  return h('li', {key: run.run_id}, h('a', {class: 'group-run', href: run_href(run.run_id), title: run.run_id},
    h('span', {class: 'mono group-run-id'}, short_id(run.run_id)),
    h('span', {class: 'ellipsis group-run-agent', title: run.agent_id}, run.agent_id),
    h('span', {class: 'num group-run-tokens'}, tokens(run.tokens)),
    h('span', {class: 'num group-run-age', title: utc(run.latest)}, age(run.latest, now)),
    confidence_meter(run.confidence), severity_pill(run.severity)));
}
