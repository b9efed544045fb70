// The first page: how bad is it, is it getting worse, what is it, and what just happened.
import {empty, panel, segmented} from '../components/basics.js';
import {get_started} from '../components/get_started.js';
import {agent_drift_panel, drivers_panel, patterns_panel, posture_panel, stat_cards, trend_panel, waste_panel} from '../components/overview_panels.js';
import {run_table} from '../components/run_table.js';
import {h} from '../dom.js';
import {plural} from '../format.js';
import {href} from '../router.js';
import {feed} from '../statistics.js';

const kFeedRows = 8;
const kWindowNames = [['hour', 'last hour'], ['day', 'yesterday'], ['week', 'last week']];

export function overview_page(app) {
  let trend_window = 'day';

  function choose(value) {
    trend_window = value;
    app.render();
  }

  function render() {
    const {data} = app.store;
    const now = app.now();
    const none = data.agents.length === 0;
    return h('div', {class: 'page', key: 'overview'},
      h('div', {class: 'page-head'},
        h('div', {}, h('h1', {}, 'Overview'), h('p', {class: 'page-sub'}, subtitle(data))),
        !none && h('div', {class: 'page-tools'}, h('span', {class: 'tool-label', id: 'trend-label'}, 'Trend vs'),
                   segmented('Trend vs', kWindowNames, trend_window, choose))),
      none ? (app.store.loaded_at ? get_started(app.api) : app.waiting()) : panels(data, now));
  }

  function panels(data, now) {
    return h('div', {class: 'grid'},
      stat_cards(data, trend_window, now),
      trend_panel(data, now),
      posture_panel(data, now),
      panel('Live run feed', {id: 'feed', class: 'span-12', aside: h('a', {class: 'more', href: href('runs')}, 'All runs')},
            data.runs.length > 0 ? run_table(feed(data, kFeedRows), now, {caption: 'Newest runs, those with signals first'})
                : empty('No run has ended yet', 'A run shows here once it has ended, or once it has been silent for 90 seconds.')),
      waste_panel(data, now),
      agent_drift_panel(data, now),
      patterns_panel(data, now),
      drivers_panel(data));
  }

  return {title: 'Overview', render};
}

function subtitle({agents, coverage}) {
  if (agents.length === 0) return 'What your agents did, and the name of what went wrong';
  const parts = [plural(coverage.agents_total, 'agent')];
  if (coverage.more_runs || coverage.more_signals) parts.push('panels cover the newest 200 runs and 500 signals of each agent');
  if (coverage.agents_without_detail > 0) parts.push('panels cover the 50 agents seen last');
  return parts.join(' · ');
}
