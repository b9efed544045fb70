-- What the customer API counts and filters by: the live signals of an agent. The list of agents sums them up per type,
-- severity and day, and the list of runs asks which runs have any; with the included columns neither reads the rows.
CREATE INDEX failure_signals_live ON failure_signals (customer_id, agent_id, detected_at DESC)
  INCLUDE (run_id, failure_type, severity) WHERE NOT shadow;
