-- Issues are the fold of spec/pipeline.md 2 over an agent's runs in the order of `processed_at`. A run that is judged
-- again and says something else than before leaves its old place and joins at the end; what that changes is found among
-- the runs beside the old place. One that says the same keeps its place, while `seq` is that of its last judgement: the
-- order of the samples, no longer that of `processed_at`. For that is kept:

-- How often an issue was resolved: reopened is what was resolved before and is not now.
ALTER TABLE issues ADD COLUMN resolutions integer NOT NULL DEFAULT 0;

-- Failure types that nobody could look for in this run: it is neither affected nor clean. Null: none; or, if `incomplete`
-- names a detector, any of them (nothing was judged, or it was written before this was kept).
ALTER TABLE processed_runs ADD COLUMN unjudged text[];

-- No two runs of an agent have one time. Those that were written together had.
UPDATE processed_runs p SET processed_at = p.processed_at + t.nth * interval '1 microsecond'
FROM (SELECT customer_id, run_id,
             row_number() OVER (PARTITION BY customer_id, agent_id, processed_at ORDER BY seq, run_id) - 1 AS nth
      FROM processed_runs) AS t
WHERE t.customer_id = p.customer_id AND t.run_id = p.run_id AND t.nth > 0;
UPDATE agent_judgements a SET last_at = greatest(a.last_at, p.last_at)
FROM (SELECT customer_id, agent_id, max(processed_at) AS last_at FROM processed_runs GROUP BY 1, 2) AS p
WHERE p.customer_id = a.customer_id AND p.agent_id = a.agent_id;

-- The same as in processed_runs: where a failure type was found before, and where next.
ALTER TABLE failure_signals ADD COLUMN processed_at timestamptz NOT NULL DEFAULT now();
UPDATE failure_signals s SET processed_at = p.processed_at
FROM processed_runs p WHERE p.customer_id = s.customer_id AND p.run_id = s.run_id;
CREATE INDEX failure_signals_place ON failure_signals (customer_id, agent_id, failure_type, processed_at)
  WHERE NOT shadow AND withdrawn_at IS NULL;

-- The fold over all runs that there are. A run that some detector failed on is clean of nothing: which types it was
-- cannot be told any more.
CREATE TEMPORARY TABLE folded ON COMMIT DROP AS
WITH judged AS (
  SELECT customer_id, agent_id, run_id, processed_at, incomplete = '[]' AS complete,
         count(*) FILTER (WHERE incomplete = '[]') OVER (PARTITION BY customer_id, agent_id ORDER BY processed_at) AS n
  FROM processed_runs),
affected AS (
  SELECT j.customer_id, j.agent_id, s.failure_type, j.processed_at, j.n,
         j.n - lag(j.n) OVER (PARTITION BY j.customer_id, j.agent_id, s.failure_type ORDER BY j.processed_at)
           - CASE WHEN j.complete THEN 1 ELSE 0 END AS clean
  FROM judged j JOIN failure_signals s ON s.customer_id = j.customer_id AND s.run_id = j.run_id
  WHERE NOT s.shadow AND s.withdrawn_at IS NULL),
found AS (
  SELECT customer_id, agent_id, failure_type, count(*) AS affected_runs, min(processed_at) AS first_seen,
         max(processed_at) AS last_seen, count(*) FILTER (WHERE clean >= 5) AS gaps, max(n) AS n
  FROM affected GROUP BY 1, 2, 3),
newest AS (SELECT customer_id, agent_id, max(n) AS n FROM judged GROUP BY 1, 2)
SELECT f.customer_id, f.agent_id, f.failure_type, f.affected_runs, f.first_seen, f.last_seen,
       least(m.n - f.n, 5) AS clean, f.gaps + CASE WHEN m.n - f.n >= 5 THEN 1 ELSE 0 END AS resolutions,
       j.processed_at AS resolved_at
FROM found f JOIN newest m ON m.customer_id = f.customer_id AND m.agent_id = f.agent_id
LEFT JOIN judged j ON j.customer_id = f.customer_id AND j.agent_id = f.agent_id AND j.n = f.n + 5 AND j.complete;

DELETE FROM issues i WHERE NOT EXISTS (
  SELECT FROM folded f
  WHERE f.customer_id = i.customer_id AND f.agent_id = i.agent_id AND f.failure_type = i.failure_type);
INSERT INTO issues (customer_id, agent_id, failure_type, status, affected_runs, clean_runs_since, resolutions, first_seen,
                    last_seen, resolved_at)
SELECT customer_id, agent_id, failure_type,
       CASE WHEN clean = 5 THEN 'resolved' WHEN resolutions > 0 THEN 'reopened' ELSE 'open' END,
       affected_runs, clean, resolutions, first_seen, last_seen, resolved_at
FROM folded
ON CONFLICT (customer_id, agent_id, failure_type) DO UPDATE SET
  status = excluded.status, affected_runs = excluded.affected_runs, clean_runs_since = excluded.clean_runs_since,
  resolutions = excluded.resolutions, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
  resolved_at = excluded.resolved_at;
