-- Events, runs, signals and keys: what one event needs on its way from an agent to the dashboard (spec/wire.md 12).
-- Every row that belongs to somebody carries customer_id, and it is the first column of every key.

-- What agents sent, as it came. Partitioned by the UTC day of arrival: retention drops partitions and never deletes rows.
CREATE TABLE events (
  id            bigint GENERATED ALWAYS AS IDENTITY,
  customer_id   text             NOT NULL,
  batch_id      text             NOT NULL,
  event_type    text             NOT NULL,
  run_id        text             NOT NULL,
  agent_id      text             NOT NULL,
  agent_version text             NOT NULL,
  step_index    integer          NOT NULL,
  "timestamp"   double precision NOT NULL,
  payload       jsonb            NOT NULL DEFAULT '{}',
  parent_run_id text,
  received_at   timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);
CREATE INDEX events_run ON events (customer_id, run_id);
CREATE INDEX events_agent ON events (customer_id, agent_id, received_at DESC);

-- The safety net: a clock that jumps or a host that slept past its partitions loses nothing.
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Makes the partitions from yesterday to `ahead` days from now. Harmless to repeat; returns how many it made.
CREATE FUNCTION ensure_event_partitions(ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  day   date;
  made  integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('dunetrace.event_partitions'));
  FOR day IN SELECT today + n FROM generate_series(-1, ahead) AS n LOOP
    CONTINUE WHEN to_regclass('events_' || to_char(day, 'YYYYMMDD')) IS NOT NULL;
    -- Rows of that day that already fell into the safety net keep it there: the partition would contradict them.
    CONTINUE WHEN EXISTS (SELECT 1 FROM events_default
                          WHERE received_at >= day::timestamp AT TIME ZONE 'UTC'
                            AND received_at < (day + 1)::timestamp AT TIME ZONE 'UTC');
    EXECUTE format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
                   'events_' || to_char(day, 'YYYYMMDD'),
                   to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
SELECT ensure_event_partitions(7);

-- One row per run, kept by the writer in the transaction that stores the events. Lists, stall detection and the work
-- queue read this and never scan events.
CREATE TABLE runs (
  customer_id       text             NOT NULL,
  run_id            text             NOT NULL,
  agent_id          text             NOT NULL,  -- of the first event in replay order (first_step, first_timestamp)
  agent_version     text             NOT NULL,
  first_step        integer          NOT NULL,
  first_timestamp   double precision NOT NULL,
  parent_run_id     text,
  model             text,                       -- run.started
  started_at        double precision,           -- client time of run.started
  completed_at      double precision,           -- client time of the last terminal event
  outcome           text CHECK (outcome IN ('completed', 'errored')),  -- first terminal event received; null = open
  max_step          integer          NOT NULL,
  event_count       bigint           NOT NULL,
  tool_calls        bigint           NOT NULL DEFAULT 0,
  llm_calls         bigint           NOT NULL DEFAULT 0,
  prompt_tokens     bigint           NOT NULL DEFAULT 0,
  completion_tokens bigint           NOT NULL DEFAULT 0,
  first_received_at timestamptz      NOT NULL,
  last_received_at  timestamptz      NOT NULL,
  judged_events     bigint           NOT NULL DEFAULT 0,  -- events the last judgement saw; fewer than event_count = pending
  claimed_until     timestamptz,                -- a detect worker is at it; past = given back
  claim             uuid,                       -- which claim; a result is written only under its own claim
  PRIMARY KEY (customer_id, run_id)
) WITH (fillfactor = 80);
CREATE INDEX runs_finished_pending ON runs (last_received_at) WHERE outcome IS NOT NULL AND judged_events < event_count;
CREATE INDEX runs_open_pending ON runs (last_received_at) WHERE outcome IS NULL AND judged_events < event_count;
CREATE INDEX runs_agent ON runs (customer_id, agent_id, last_received_at DESC);
CREATE INDEX runs_by_id ON runs (run_id);

-- What detectors found: one row per run and failure type, brought up to date when the run is judged again.
CREATE TABLE failure_signals (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id      text        NOT NULL,
  failure_type     text        NOT NULL,
  severity         text        NOT NULL CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  run_id           text        NOT NULL,
  agent_id         text        NOT NULL,
  agent_version    text        NOT NULL,
  step_index       integer     NOT NULL,
  confidence       real        NOT NULL CHECK (confidence BETWEEN 0 AND 1),
  evidence         jsonb       NOT NULL,
  detected_at      timestamptz NOT NULL DEFAULT now(),
  shadow           boolean     NOT NULL DEFAULT true,
  alerted          boolean     NOT NULL DEFAULT false,
  co_signal_count  integer     NOT NULL DEFAULT 0,
  detector_id      text        NOT NULL,
  detector_version text        NOT NULL,
  UNIQUE (customer_id, run_id, failure_type)
);
CREATE INDEX failure_signals_agent ON failure_signals (customer_id, agent_id, detected_at DESC);
CREATE INDEX failure_signals_unalerted ON failure_signals (detected_at) WHERE NOT alerted AND NOT shadow;

-- Runs that have been judged. Written in the transaction that writes the signals.
CREATE TABLE processed_runs (
  customer_id   text        NOT NULL,
  run_id        text        NOT NULL,
  agent_id      text        NOT NULL,
  agent_version text        NOT NULL,
  processed_at  timestamptz NOT NULL DEFAULT now(),
  signal_count  integer     NOT NULL DEFAULT 0,
  trigger       text        NOT NULL CHECK (trigger IN ('completed', 'errored', 'stalled')),
  exit_reason   text,                            -- as replayed (spec/detectors.md 1.6)
  incomplete    jsonb       NOT NULL DEFAULT '[]',  -- detectors that failed on this run: [{"detector":…,"reason":…}]
  PRIMARY KEY (customer_id, run_id)
);
CREATE INDEX processed_runs_agent ON processed_runs (customer_id, agent_id, processed_at DESC);
CREATE INDEX processed_runs_version ON processed_runs (customer_id, agent_id, agent_version, processed_at DESC);

-- Keys of clients. Only the SHA-256 of a key is stored; the prefix is what people recognise it by.
CREATE TABLE api_keys (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key_hash    bytea       NOT NULL UNIQUE CHECK (length(key_hash) = 32),
  key_prefix  text        NOT NULL,
  customer_id text        NOT NULL,
  agent_id    text,                              -- null = any agent of the customer
  scopes      text[]      NOT NULL DEFAULT '{ingest,read}'
              CHECK (scopes <@ ARRAY['ingest', 'read', 'admin'] AND cardinality(scopes) > 0),
  active      boolean     NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  revoked_at  timestamptz
);
CREATE INDEX api_keys_customer ON api_keys (customer_id);
CREATE INDEX api_keys_agent ON api_keys (agent_id) WHERE agent_id IS NOT NULL;
