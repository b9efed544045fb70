-- The detection queue, so that a claim costs the same whatever waits: customers take turns, which begins with stepping
-- from one customer with due runs to the next; and long runs wait in a queue of their own, where they do not stand
-- before short ones. Each pending run is in exactly one of the four, so that the writer keeps one of them up to date.
CREATE INDEX runs_finished_short ON runs (customer_id, last_received_at)
  WHERE outcome IS NOT NULL AND judged_events < event_count AND event_count <= 2000;
CREATE INDEX runs_finished_long ON runs (customer_id, last_received_at)
  WHERE outcome IS NOT NULL AND judged_events < event_count AND event_count > 2000;
CREATE INDEX runs_open_short ON runs (customer_id, last_received_at)
  WHERE outcome IS NULL AND judged_events < event_count AND event_count <= 2000;
CREATE INDEX runs_open_long ON runs (customer_id, last_received_at)
  WHERE outcome IS NULL AND judged_events < event_count AND event_count > 2000;
DROP INDEX runs_finished_pending, runs_open_pending;

-- Of a run with more events than the replay looks at, only the beginning and the end were judged.
ALTER TABLE processed_runs ADD COLUMN truncated boolean NOT NULL DEFAULT false;
