-- Retention: partitions of events are made at any time, listed with what decides about them, and dropped.
-- Days are UTC days whatever the session's time zone is, hence the settings of these functions.

-- What retention goes by, and when it last looked at the clock, which tells it of jumps; one row at most.
CREATE TABLE event_retention (
  only_row    boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  seen_at     timestamptz NOT NULL,  -- by the database's clock, as every time here
  days        integer     NOT NULL,  -- EVENT_RETENTION_DAYS of whoever looked
  doubt_until timestamptz,           -- the clock has jumped: what looks old may not be
  went_back   boolean     NOT NULL DEFAULT false  -- the jump in doubt was one to the past
) WITH (fillfactor = 10);            -- changed every minute: kept on its page

-- The partitions with bounds of their own, so without events_default.
CREATE FUNCTION event_partition_bounds() RETURNS TABLE (
  schema_name text, name text, id oid, starts_at timestamptz, ends_at timestamptz)
LANGUAGE sql STABLE SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
  SELECT n.nspname::text, c.relname::text, c.oid,
         substring(pg_get_expr(c.relpartbound, c.oid) FROM $r$FROM \('([^']+)'\)$r$)::timestamptz,
         substring(pg_get_expr(c.relpartbound, c.oid) FROM $r$TO \('([^']+)'\)$r$)::timestamptz
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE i.inhparent = 'events'::regclass AND pg_get_expr(c.relpartbound, c.oid) LIKE '% TO (''%'
$$;

-- The same with what is in them. A partition that another session drops meanwhile is left out.
CREATE FUNCTION event_partitions() RETURNS TABLE (
  name text, starts_at timestamptz, ends_at timestamptz, row_estimate bigint, bytes bigint, has_events boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  part record;
BEGIN
  FOR part IN SELECT b.* FROM event_partition_bounds() b ORDER BY b.ends_at LOOP
    BEGIN
      EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.%I)', part.schema_name, part.name) INTO has_events;
    EXCEPTION WHEN undefined_table THEN
      CONTINUE;
    END;
    name := part.name;
    starts_at := part.starts_at;
    ends_at := part.ends_at;
    SELECT CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint ELSE pg_stat_get_live_tuples(c.oid) END,
           pg_total_relation_size(c.oid)
      INTO row_estimate, bytes FROM pg_class c WHERE c.oid = part.id;
    RETURN NEXT;
  END LOOP;
END $$;

-- Makes the partitions from yesterday to `ahead` days from now. Harmless to repeat; returns how many it made. A new
-- partition locks out everybody from events for a moment, so the caller sets lock_timeout; nothing is locked when
-- nothing is missing. A day of which events_default has rows is left to place_stray_events().
CREATE OR REPLACE FUNCTION ensure_event_partitions(ahead integer) RETURNS integer
LANGUAGE plpgsql SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  days  date[];
  day   date;
  made  integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('dunetrace.event_partitions'));
  days := ARRAY(
    SELECT today + n FROM generate_series(-1, ahead) AS n
    WHERE to_regclass('events_' || to_char(today + n, 'YYYYMMDD')) IS NULL
      AND NOT EXISTS (SELECT 1 FROM event_partition_bounds() b
                      WHERE b.starts_at < (today + n + 1)::timestamptz AND b.ends_at > (today + n)::timestamptz));
  IF cardinality(days) = 0 THEN RETURN 0; END IF;
  LOCK TABLE ONLY events IN ACCESS EXCLUSIVE MODE;  -- nobody adds to events_default between the look and the making
  FOREACH day IN ARRAY days LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM events_default
                          WHERE received_at >= day::timestamptz AND received_at < (day + 1)::timestamptz);
    EXECUTE format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
                   'events_' || to_char(day, 'YYYYMMDD'), day::timestamptz, (day + 1)::timestamptz);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

-- Gives the rows that fell into events_default, because the clock had jumped, the partitions of their days; returns how
-- many rows were moved. Writers wait meanwhile, so days with more than `most` rows stay where they are.
CREATE FUNCTION place_stray_events(most bigint) RETURNS bigint
LANGUAGE plpgsql SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
  days   date[];
  counts bigint[];
  part   text;
  placed bigint := 0;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM events_default) THEN RETURN 0; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('dunetrace.event_partitions'));
  LOCK TABLE ONLY events IN ACCESS EXCLUSIVE MODE;
  SELECT array_agg(s.day), array_agg(s.rows) INTO days, counts
  FROM (SELECT (received_at AT TIME ZONE 'UTC')::date AS day, count(*) AS rows FROM events_default GROUP BY 1) s
  WHERE s.rows <= most
    AND NOT EXISTS (SELECT 1 FROM event_partition_bounds() b
                    WHERE b.starts_at < (s.day + 1)::timestamptz AND b.ends_at > s.day::timestamptz);
  FOR i IN 1 .. coalesce(cardinality(days), 0) LOOP
    part := 'events_' || to_char(days[i], 'YYYYMMDD');
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', part);
    EXECUTE format('WITH moved AS (DELETE FROM events_default WHERE received_at >= %L AND received_at < %L RETURNING *)'
                   ' INSERT INTO %I SELECT * FROM moved', days[i]::timestamptz, (days[i] + 1)::timestamptz, part);
    EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   part, days[i]::timestamptz, (days[i] + 1)::timestamptz);
    placed := placed + counts[i];
  END LOOP;
  RETURN placed;
END $$;

-- Drops one partition whose time ended before `ended_before`, and never the present one, whoever asks. False: there is
-- no such partition (any more). DETACH CONCURRENTLY is not for tables with a default partition; DROP locks events for
-- the moment of a change in the catalogue, as the files go after the commit. The caller sets lock_timeout.
CREATE FUNCTION drop_event_partition(partition_name text, ended_before timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  part record;
BEGIN
  SELECT * INTO part FROM event_partition_bounds() b WHERE b.name = partition_name;
  IF NOT FOUND THEN RETURN false; END IF;
  IF part.ends_at > least(ended_before, now()) THEN
    RAISE EXCEPTION 'partition % ends at %, which is not before %', partition_name, part.ends_at, least(ended_before, now());
  END IF;
  EXECUTE format('DROP TABLE %I.%I', part.schema_name, partition_name);
  RETURN true;
END $$;
