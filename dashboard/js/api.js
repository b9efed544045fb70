// The customer API as the pages use it. Every call ends in JSON or in an ApiError that a person can act on.

const kTimeoutMs = 12_000;  // below the 15 s between two loads, so that loads do not pile up
const kKeyName = 'dunetrace.api_key';
const kDevKey = 'dt_dev_dashboard';  // any key is good in dev mode; elsewhere the user is asked for one

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;  // 0: no answer at all
  }
}

export function make_api(config) {
  const host = location.hostname.includes(':') && !location.hostname.startsWith('[')
      ? `[${location.hostname}]` : location.hostname || 'localhost';
  const base = trim(config.apiBase) || `http://${host}:8002`;

  async function get(path) {
    const response = await request(`${base}${path}`, config.apiKey || stored_key() || kDevKey);
    if (!response.ok) throw new ApiError(response.status, await detail_of(response));
    try {
      return await response.json();
    } catch {
      throw new ApiError(response.status, `The answer of ${base}${path} is not JSON.`);
    }
  }

  const id = encodeURIComponent;
  return {
    base,
    ingest_base: trim(config.ingestBase) || `http://${host}:8001`,
    agents: (offset, limit) => get(`/v1/agents?limit=${limit}&offset=${offset}`),
    runs: (agent, limit) => get(`/v1/agents/${id(agent)}/runs?limit=${limit}`),
    signals: (agent, limit) => get(`/v1/agents/${id(agent)}/signals?limit=${limit}&include_shadow=true`),
    plugins: () => get('/v1/plugins'),
    run: (run) => get(`/v1/runs/${id(run)}?include_shadow=true`),
  };
}

export function store_key(key) {
  try {
    localStorage.setItem(kKeyName, key);
  } catch {
    // Storage is blocked; the next load asks again.
  }
}

function stored_key() {
  try {
    return localStorage.getItem(kKeyName) ?? '';
  } catch {
    return '';
  }
}

function trim(base) {
  return typeof base === 'string' ? base.replace(/\/+$/, '') : '';
}

async function request(url, key) {
  try {
    return await fetch(url, {
      headers: {Authorization: `Bearer ${key}`},
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(kTimeoutMs),
    });
  } catch (error) {
    const slow = error?.name === 'TimeoutError';
    throw new ApiError(0, slow ? `No answer within ${kTimeoutMs / 1000} s.` : 'The API cannot be reached.');
  }
}

async function detail_of(response) {
  let detail;
  try {
    detail = (await response.json()).detail;
  } catch {
    // No JSON: the status has to do.
  }
  if (Array.isArray(detail)) detail = detail.map((entry) => entry?.msg).filter(Boolean).join('; ');
  if (detail && typeof detail === 'object') detail = JSON.stringify(detail);
  return detail || `The API answered with status ${response.status}.`;
}
