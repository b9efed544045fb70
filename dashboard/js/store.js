// What the pages show: loaded at start and every 15 s, agents in parallel, indexed once per load. A failed load keeps
// the data of the last good one.
import {index} from './data_index.js';

const kPollMs = 15_000;
const kAgentPage = 50;
const kAgentsInDetail = 50;  // runs and signals are read of the agents seen last
const kAgentPagesMax = 20;
const kRuns = 200;
const kSignals = 500;

export function make_store(api, on_change) {
  const store = {
    status: 'connecting',  // connecting, live, disconnected, denied
    error: null,
    loaded_at: null,       // epoch seconds of the last good load
    data: index([], [], [], {}),
    plugins: null,         // the last answer about detectors; runs and signals do not wait for it
    plugins_error: null,
    poll,
    start,
  };
  let loading = null;
  let timer = null;

  function poll() {
    loading ??= load().finally(() => { loading = null; schedule(); });
    return loading;
  }

  function schedule() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(poll, kPollMs);
  }

  function start() {
    document.addEventListener('visibilitychange', () => document.hidden ? clearTimeout(timer) : poll());
    return poll();
  }

  async function load() {
    try {
      const agents = await all_agents(api);
      const plugins = load_plugins();
      const parts = await Promise.all(agents.list.slice(0, kAgentsInDetail).map((agent) => agent_part(api, agent)));
      store.data = index(agents.list, parts.flatMap((part) => part.runs), parts.flatMap((part) => part.signals), {
        agents_total: agents.total,
        failed_agents: parts.filter((part) => part.failed).map((part) => part.agent_id),
        more_runs: parts.some((part) => part.more_runs),
        more_signals: parts.some((part) => part.more_signals),
        agents_without_detail: Math.max(0, agents.list.length - kAgentsInDetail),
      });
      await plugins;
      store.loaded_at = Date.now() / 1000;
      store.status = 'live';
      store.error = null;
    } catch (error) {
      store.status = error.status === 401 || error.status === 403 ? 'denied' : 'disconnected';
      store.error = error;
    }
    on_change();
  }

  async function load_plugins() {
    try {
      store.plugins = await api.plugins();
      store.plugins_error = null;
    } catch (error) {
      store.plugins_error = error;
    }
  }

  return store;
}

async function all_agents(api) {
  const list = [];
  let total = 0;
  for (let page = 0; page < kAgentPagesMax; ++page) {
    const answer = await api.agents(list.length, kAgentPage);
    list.push(...(answer.agents ?? []));
    total = answer.page?.total ?? list.length;
    if (!answer.page?.has_more || !answer.agents?.length) break;
  }
  return {list, total};
}

// An agent whose calls fail shows with empty lists; the page says so.
async function agent_part(api, agent) {
  const [runs, signals] = await Promise.allSettled([api.runs(agent.agent_id, kRuns), api.signals(agent.agent_id, kSignals)]);
  return {
    agent_id: agent.agent_id,
    failed: runs.status === 'rejected' || signals.status === 'rejected',
    runs: runs.value?.runs ?? [],
    signals: signals.value?.signals ?? [],
    more_runs: Boolean(runs.value?.page?.has_more),
    more_signals: Boolean(signals.value?.page?.has_more),
  };
}
