-- A run that gets more events is judged again. A signal that no longer holds then is kept, with the time at which it was
-- withdrawn, and left out of lists, counts and alerts.
ALTER TABLE failure_signals ADD COLUMN withdrawn_at timestamptz;

DROP INDEX failure_signals_unalerted;
CREATE INDEX failure_signals_unalerted ON failure_signals (detected_at)
  WHERE NOT alerted AND NOT shadow AND withdrawn_at IS NULL;

DROP INDEX failure_signals_live;
CREATE INDEX failure_signals_live ON failure_signals (customer_id, agent_id, detected_at DESC)
  INCLUDE (run_id, failure_type, severity) WHERE NOT shadow AND withdrawn_at IS NULL;
