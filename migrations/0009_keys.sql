-- Every change of a key is announced by the database itself, so that caches follow at once also when somebody changes
-- keys by hand. last_used_at is left out: it changes all the time and changes nothing about the key.
CREATE FUNCTION announce_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('dunetrace_keys', '');
  RETURN NULL;
END $$;
CREATE TRIGGER api_keys_added AFTER INSERT OR DELETE OR TRUNCATE ON api_keys
  FOR EACH STATEMENT EXECUTE FUNCTION announce_key_change();

ALTER TABLE api_keys
  ADD COLUMN confined     boolean NOT NULL DEFAULT false,  -- may write to agent_id and to no other agent
  ADD COLUMN last_used_at timestamptz,                     -- to the minute; null = never
  ADD CONSTRAINT api_keys_confined CHECK (NOT confined OR agent_id IS NOT NULL AND scopes = '{ingest}');

CREATE TRIGGER api_keys_changed
  AFTER UPDATE OF key_hash, customer_id, agent_id, scopes, active, revoked_at, confined ON api_keys
  FOR EACH STATEMENT EXECUTE FUNCTION announce_key_change();
