-- What is learned from judged runs: what is usual for an agent and version (spec/detectors.md 4), and its issues
-- (spec/pipeline.md 2). Both depend on the order in which runs were judged, so every agent has a counter whose row lock
-- is that order: who writes results takes it first, and nobody else writes what is learned from the agent's runs.

CREATE TABLE agent_judgements (
  customer_id text        NOT NULL,
  agent_id    text        NOT NULL,
  judged      bigint      NOT NULL,  -- judgements so far, second looks included; moves whenever what was learned may
  last_at     timestamptz NOT NULL,  -- never goes back, whatever the clock does
  PRIMARY KEY (customer_id, agent_id)
) WITH (fillfactor = 50);            -- changed with every batch: kept on its page

-- One row per completed run without an error: what it adds. A run that is judged again replaces its row and becomes the
-- newest. Only the newest rows of an agent and version are ever asked for; older ones are removed now and then.
CREATE TABLE run_samples (
  customer_id    text             NOT NULL,
  run_id         text             NOT NULL,
  agent_id       text             NOT NULL,
  agent_version  text             NOT NULL,
  seq            bigint           NOT NULL,  -- as in processed_runs
  steps          integer          NOT NULL,  -- largest step index
  tool_ms        bigint[]         NOT NULL,  -- durations of its tool calls, ascending; thinned out above 1024
  llm_ms         bigint[]         NOT NULL,  -- the same of its model calls
  token_growth   double precision,           -- null: it has none that counts
  llm_tool_ratio double precision,
  PRIMARY KEY (customer_id, run_id)
);
CREATE INDEX run_samples_newest ON run_samples (customer_id, agent_id, agent_version, seq DESC);

-- The place of a run's last judgement in its agent's order; (processed_at, seq) never contradict each other.
ALTER TABLE processed_runs ADD COLUMN seq bigint NOT NULL DEFAULT 0;
-- Which detectors judged it with which parameters: equal hashes, judged alike.
ALTER TABLE processed_runs ADD COLUMN config_hash text NOT NULL DEFAULT '';
-- It answered what run_samples answers now.
DROP INDEX processed_runs_version;

-- What a signal's detector was told: its parameters, shadow and severity. Empty: found before this was kept.
ALTER TABLE failure_signals ADD COLUMN config_hash text NOT NULL DEFAULT '';

-- An agent with an open issue changes its row with every batch.
ALTER TABLE issues SET (fillfactor = 70);
