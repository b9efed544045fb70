-- How far each spool has been written. Advanced in the transaction that
-- stores the events, so that a host that dies between the commit and its acknowledgement repeats nothing.
CREATE TABLE spool_positions (
  spool_id   uuid        PRIMARY KEY,
  position   bigint      NOT NULL,               -- every event before it is in events or in dead_letters
  durable    boolean     NOT NULL,               -- false: in memory; nobody comes back for it
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);                        -- one row per host, changed with every transaction: kept on its page

-- Events that the database refused for their content, one row each, until somebody retries or drops them.
CREATE TABLE dead_letters (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id       text             NOT NULL,
  batch_id          text             NOT NULL,
  event_type        text             NOT NULL,
  run_id            text             NOT NULL,
  agent_id          text             NOT NULL,
  agent_version     text             NOT NULL,
  step_index        integer          NOT NULL,
  "timestamp"       double precision NOT NULL,
  payload           bytea            NOT NULL,   -- as it came; it may be what jsonb does not take
  parent_run_id     text,
  model             text,
  prompt_tokens     bigint           NOT NULL DEFAULT 0,
  completion_tokens bigint           NOT NULL DEFAULT 0,
  reason            text             NOT NULL,
  attempts          integer          NOT NULL DEFAULT 1,
  failed_at         timestamptz      NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_customer ON dead_letters (customer_id, id);

-- Their work is done by spool_positions.
DROP TABLE writer_positions;
