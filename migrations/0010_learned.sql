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

-- Issues of what was found before they were kept, from the signals that stand. Whether one was resolved in between and
-- came again cannot be told, so none is `reopened`. Runs that were written together have one time: those beside the last
-- affected one are not counted as clean, and neither are runs that some detector failed on.
INSERT INTO issues (customer_id, agent_id, failure_type, status, first_seen, last_seen, resolved_at, affected_runs,
                    clean_runs_since)
SELECT i.customer_id, i.agent_id, i.failure_type, CASE WHEN clean.runs >= 5 THEN 'resolved' ELSE 'open' END,
       i.first_seen, i.last_seen, CASE WHEN clean.runs >= 5 THEN clean.last_at END, i.affected_runs, clean.runs
FROM (
  SELECT p.customer_id, p.agent_id, s.failure_type, min(s.detected_at) AS first_seen, max(s.detected_at) AS last_seen,
         count(*) AS affected_runs
  FROM failure_signals s JOIN processed_runs p ON p.customer_id = s.customer_id AND p.run_id = s.run_id
  WHERE NOT s.shadow AND s.withdrawn_at IS NULL
  GROUP BY p.customer_id, p.agent_id, s.failure_type) AS i
CROSS JOIN LATERAL (                             -- a few steps in processed_runs_agent
  SELECT count(*) AS runs, max(processed_at) AS last_at
  FROM (
    SELECT p.processed_at FROM processed_runs p
    WHERE p.customer_id = i.customer_id AND p.agent_id = i.agent_id AND p.processed_at > i.last_seen
      AND p.incomplete = '[]'
      AND NOT EXISTS (SELECT 1 FROM failure_signals s
                      WHERE s.customer_id = p.customer_id AND s.run_id = p.run_id AND s.failure_type = i.failure_type
                        AND NOT s.shadow AND s.withdrawn_at IS NULL)
    ORDER BY p.processed_at LIMIT 5) AS later) AS clean
ON CONFLICT (customer_id, agent_id, failure_type) DO NOTHING;
