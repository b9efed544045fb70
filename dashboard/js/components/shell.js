// The frame around every page: top bar, navigation, and the notice when data is old.
import {store_key} from '../api.js';
import {h} from '../dom.js';
import {number, utc_clock} from '../format.js';
import {href} from '../router.js';
import {current_theme} from '../theme.js';
import {icon} from './basics.js';

const kStates = {
  connecting: ['Connecting', 'Loading for the first time'],
  live: ['Live', 'Refreshed every 15 seconds'],
  disconnected: ['Disconnected', 'The API does not answer; data shown may be old'],
  denied: ['Key needed', 'The API asks for a key'],
};

export function top_bar({store, nav_open, toggle_nav, switch_theme}) {
  const [text, hint] = kStates[store.status];
  const other = current_theme() === 'dark' ? 'light' : 'dark';
  return h('div', {class: 'topbar-inner'},
    h('button', {type: 'button', class: 'icon-button nav-toggle', 'aria-label': nav_open ? 'Close navigation' : 'Open navigation',
                 'aria-expanded': String(nav_open), 'aria-controls': 'nav', on: {click: toggle_nav}}, icon(nav_open ? 'close' : 'menu')),
    h('a', {class: 'brand', href: href('overview')},
      h('img', {src: '/favicon.svg', alt: '', width: 24, height: 24}), h('span', {class: 'brand-name'}, 'Dunetrace'),
      h('span', {class: 'brand-sub'}, 'Mission Control')),
    h('div', {class: 'topbar-right'},
      h('span', {class: `live live-${store.status}`, title: hint, role: 'status'},
        h('span', {class: 'live-dot', 'aria-hidden': 'true'}), h('span', {id: 'live-text'}, text)),
      h('time', {class: 'clock', id: 'clock', title: 'Coordinated Universal Time'}, `${utc_clock(Date.now() / 1000)} UTC`),
      h('button', {type: 'button', class: 'icon-button', id: 'theme-toggle', 'aria-label': `Switch to the ${other} theme`,
                   title: `Switch to the ${other} theme`, on: {click: switch_theme}}, icon(other === 'light' ? 'sun' : 'moon'))));
}

export function tick_clock() {
  const clock = document.getElementById('clock');
  if (clock) clock.textContent = `${utc_clock(Date.now() / 1000)} UTC`;
}

function badge(count, meaning, tone) {
  return count > 0 && h('span', {class: `badge ${tone}`, title: `${number(count)} ${meaning}`},
                        number(count), h('span', {class: 'hidden-visually'}, ` ${meaning}`));
}

// Only pages that exist; a group without pages does not show.
export function navigation(route, {data, plugins}) {
  const {totals} = data;
  const groups = [
    ['Monitor', [
      ['overview', 'Overview', badge(totals.critical, 'critical signals', 'sev-critical')],
      ['runs', 'All runs', badge(data.with_signals.length, 'runs with signals', 'badge-plain')],
      ['alerts', 'Alerts', badge(totals.critical + totals.high, 'critical and high signals', 'sev-high')],
    ]],
    ['Configure', [
      ['detectors', 'Detectors', badge(plugins?.notices?.length ?? 0, 'quarantined', 'sev-high')],
    ]],
  ];
  return h('div', {class: 'nav-inner'}, groups.map(([title, pages]) => h('div', {class: 'nav-group'},
    h('p', {class: 'nav-title', id: `nav-${title}`}, title),
    h('ul', {'aria-labelledby': `nav-${title}`}, pages.map(([page, label, mark]) => h('li', {}, h('a', {
      class: 'nav-link', href: href(page), key: page, 'aria-current': route.page === page ? 'page' : null,
    }, icon(page), h('span', {class: 'nav-label'}, label), mark)))))));
}

// Over the page while something is wrong with the data; null while all is well.
export function notice(store, api) {
  const retry = h('button', {type: 'button', class: 'button', on: {click: () => store.poll()}}, 'Try again now');
  if (store.status === 'disconnected') {
    return h('div', {class: 'notice notice-bad', role: 'alert', id: 'notice', key: 'notice'},
      h('div', {class: 'notice-text'},
        h('p', {class: 'notice-title'}, 'Disconnected from the API'),
        h('p', {}, store.error?.message ?? '', ' ', store.loaded_at
            ? `Showing what was loaded at ${utc_clock(store.loaded_at)} UTC. ` : 'Nothing could be loaded yet. ',
          'Trying again every 15 seconds.'),
        h('p', {}, 'Check that the host is running (', h('code', {}, 'dunetrace up'), '), that ', h('code', {}, `${api.base}/health`),
          ' opens from this computer, and that no proxy or firewall is in between. Outside dev mode ',
          h('code', {}, 'CORS_ORIGINS'), ' must name this page: ', h('code', {}, location.origin), '.')),
      retry);
  }
  if (store.status === 'denied') return key_request(store);
  const {failed_agents = []} = store.data.coverage;
  if (failed_agents.length > 0) {
    return h('div', {class: 'notice notice-warn', role: 'status', id: 'notice', key: 'notice'},
      h('p', {class: 'notice-text'}, `Runs and signals of ${failed_agents.length === 1 ? 'one agent' : `${failed_agents.length} agents`} could not be loaded and are missing below: `,
        h('span', {class: 'mono wrap'}, failed_agents.slice(0, 5).join(', ')), failed_agents.length > 5 && ' …'), retry);
  }
  return null;
}

// The one visible alert of a detector that is off for what it did; on the page that says more it is not repeated.
export function quarantine_notice(store, route) {
  const notices = store.plugins?.notices ?? [];
  if (notices.length === 0 || store.status === 'denied' || route.page === 'detectors') return null;
  const names = [...new Set(notices.map((one) => one.component))];
  return h('div', {class: 'notice notice-bad', role: 'alert', id: 'quarantine-notice', key: 'quarantine'},
    h('div', {class: 'notice-text'},
      h('p', {class: 'notice-title'}, names.length === 1 ? 'A detector is quarantined' : `${number(names.length)} detectors are quarantined`),
      h('p', {}, h('span', {class: 'mono wrap'}, names.slice(0, 5).join(', ')), names.length > 5 && ' …',
        names.length === 1 ? ` (${notices[0].reason}). ` : '. ', 'Runs are judged without ', names.length === 1 ? 'it' : 'them', ' until somebody acts.')),
    h('a', {class: 'button', href: href('detectors')}, 'See why'));
}

function key_request(store) {
  function save(event) {
    event.preventDefault();  // the key goes into the store, never into a URL
    store_key(document.getElementById('api-key').value.trim());
    store.poll();
  }
  return h('div', {class: 'notice notice-warn', role: 'alert', id: 'notice', key: 'notice'},
    h('div', {class: 'notice-text'},
      h('p', {class: 'notice-title'}, 'The API asks for a key'),
      h('p', {}, `It says: ${store.error?.message ?? ''}. `, 'Make a key with ', h('code', {}, 'dunetrace keys create'), '; it stays in this browser.')),
    h('form', {class: 'notice-form', on: {submit: save}},
      h('label', {class: 'hidden-visually', for: 'api-key'}, 'API key'),
      h('input', {id: 'api-key', type: 'password', autocomplete: 'off', spellcheck: 'false', placeholder: 'dt_live_…'}),
      h('button', {type: 'submit', class: 'button button-strong'}, 'Use this key')));
}
