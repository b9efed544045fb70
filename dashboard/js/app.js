// Puts the parts together: route, store, shell and pages. One render function, called whenever something changed.
import {make_api} from './api.js';
import {empty} from './components/basics.js';
import {navigation, notice, quarantine_notice, tick_clock, top_bar} from './components/shell.js';
import {h, patch_into} from './dom.js';
import {alerts_page} from './pages/alerts.js';
import {detectors_page} from './pages/detectors.js';
import {missing_page} from './pages/missing.js';
import {overview_page} from './pages/overview.js';
import {run_page} from './pages/run.js';
import {runs_page} from './pages/runs.js';
import {href, replace_query, start_router} from './router.js';
import {make_store} from './store.js';
import {on_system_theme, toggle_theme} from './theme.js';

const app = {
  api: make_api(window.DUNETRACE_CONFIG ?? {}),
  now: () => Date.now() / 1000,
  render,
  set_query,
  waiting: () => h('div', {class: 'panel'}, app.store.status === 'connecting' ? empty('Loading…') : empty('No data yet', 'The page fills as soon as the API answers.')),
  back_href: () => last_list,
  agent_href: (agent) => href('runs', null, {agent}),
};

let nav_open = false;
let last_list = href('runs');  // where "Back" of a run leads: the list it was opened from
let rendering = 0;

app.route = start_router(on_route);
app.store = make_store(app.api, on_data);
const pages = {overview: overview_page(app), runs: runs_page(app), alerts: alerts_page(app), detectors: detectors_page(app)};
const detail = run_page(app);
const missing = missing_page();

function current() {
  if (app.route.page === 'runs' && app.route.id) return detail;
  return !app.route.id && Object.hasOwn(pages, app.route.page) ? pages[app.route.page] : missing;
}

function on_route(route) {
  const moved = route.page !== app.route.page || route.id !== app.route.id;
  app.route = route;
  remember_list();
  nav_open = false;
  if (route.id && route.page === 'runs') detail.show(route.id);
  render();
  if (moved) {
    window.scrollTo(0, 0);
    document.getElementById('content').focus({preventScroll: true});
  }
  queueMicrotask(scroll_to_mark);  // after the render queued above
}

function remember_list() {
  if (!app.route.id) last_list = location.hash || href('overview');
}

// The step a timeline node points at.
function scroll_to_mark() {
  if (app.route.query.get('step')) document.querySelector('.event-mark')?.scrollIntoView({block: 'center'});
}

function set_query(changes) {
  app.route = replace_query(app.route, changes);
  remember_list();
  render();
}

function on_data() {
  if (current() === detail && app.store.status === 'live') detail.on_poll();
  render();
}

// Several reasons in one turn of the event loop are one render.
function render() {
  if (rendering) return;
  rendering = 1;
  queueMicrotask(() => {
    rendering = 0;
    draw();
  });
}

function draw() {
  const page = current();
  const title = typeof page.title === 'function' ? page.title() : page.title;
  document.title = `${title} · Dunetrace`;
  document.body.dataset.nav = nav_open ? 'open' : 'closed';
  patch_into(document.getElementById('topbar'), top_bar({store: app.store, nav_open, toggle_nav, switch_theme}));
  patch_into(document.getElementById('nav'), navigation(app.route, app.store));
  patch_into(document.getElementById('content'), h('div', {class: 'content-inner'}, notice(app.store, app.api), quarantine_notice(app.store, app.route), body_of(page)));
}

// One odd value must not leave a dead page: the shell goes on, and the next refresh tries again.
function body_of(page) {
  try {
    return page.render();
  } catch (error) {
    console.error(error);
    return h('div', {class: 'panel', role: 'alert'}, empty('This page could not be drawn', `${error.message}. The console of the browser has the details.`));
  }
}

function toggle_nav() {
  nav_open = !nav_open;
  render();
}

function switch_theme() {
  toggle_theme();
  render();
}

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && nav_open) toggle_nav();
});
document.getElementById('content').addEventListener('click', () => { if (nav_open) toggle_nav(); });
// The hash belongs to the router, so the link to the content is followed here.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('content').focus();
});
on_system_theme(render);
remember_list();
if (app.route.id && app.route.page === 'runs') detail.show(app.route.id);
render();
setInterval(tick_clock, 1000);
app.store.start();
