-- How far each ingest writer has come, stored in the transaction that stores the events. A transaction whose outcome was
-- in doubt is tried again; whether it took effect is read here and cannot be told from the events, which may be alike.
CREATE TABLE writer_positions (
  writer_id  bigint      PRIMARY KEY,  -- random, drawn at every start of a writer
  position   bigint      NOT NULL,     -- events of this writer that are stored or put aside
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);  -- one row per writer, updated with every transaction
