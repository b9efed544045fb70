-- What is known about plugins: which components there are, what they did that they must not do, and which of them are
-- off for it (plugin-abi.md 20). Facts about the host, not about customers: the only tables whose rows belong to nobody.

-- One row per component and file. The last host that loaded it speaks; a component that no host has any more is marked
-- and kept, because signals and strikes name it.
CREATE TABLE plugin_components (
  component    text        NOT NULL,  -- "tool_loop": the key in detectors.yml
  sha256       text        NOT NULL,  -- of the library's file
  library      text        NOT NULL,  -- "com.example.loops"
  version      text        NOT NULL,
  kind         text        NOT NULL,  -- detector, alert, integration
  title        text        NOT NULL,
  signal_types text[]      NOT NULL DEFAULT '{}',
  mode         text        NOT NULL CHECK (mode IN ('in_process', 'isolated')),
  sandbox      text        NOT NULL,  -- what holds it, in words
  file         text        NOT NULL,
  abi          text        NOT NULL,  -- "1.0"
  first_party  boolean     NOT NULL,
  state        text        NOT NULL CHECK (state IN ('live', 'shadow', 'disabled')),  -- by configuration
  reported_by  text        NOT NULL,  -- host
  reported_at  timestamptz NOT NULL DEFAULT now(),
  absent_at    timestamptz,           -- since when no host has it
  PRIMARY KEY (component, sha256)
);

-- What a host has in force, and how its last reload went.
CREATE TABLE plugin_hosts (
  host         text        PRIMARY KEY,
  generation   bigint      NOT NULL,
  reload_at    timestamptz,           -- null = not since it started
  reload_ok    boolean     NOT NULL DEFAULT true,
  reload_error text        NOT NULL DEFAULT '',
  refusals     jsonb       NOT NULL DEFAULT '[]',  -- files that were not loaded: [{"file":…,"reason":…}]
  notes        jsonb       NOT NULL DEFAULT '[]',  -- sentences: what was loaded and is not what lies on disk
  unlocked     boolean     NOT NULL DEFAULT false, -- lock files are not looked at
  reported_at  timestamptz NOT NULL DEFAULT now()
);

-- Crashes, missed deadlines, exits and broken contracts; the latest 1000 of a component are kept.
CREATE TABLE plugin_strikes (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uid         uuid        NOT NULL UNIQUE,  -- drawn by the host, so that writing it twice does no harm
  component   text        NOT NULL,
  sha256      text        NOT NULL,
  library     text        NOT NULL,
  version     text        NOT NULL,
  at          timestamptz NOT NULL,   -- by the host's clock: it may be written much later
  offence     text        NOT NULL CHECK (offence IN ('crash', 'deadline', 'exit', 'violation')),
  customer_id text        NOT NULL,   -- whose run; empty outside of one
  run_id      text        NOT NULL,
  text        text        NOT NULL,
  reported_by text        NOT NULL
);
CREATE INDEX plugin_strikes_component ON plugin_strikes (component, sha256, at DESC);

-- Components that are off. The open row of a file is its one visible alert: the dashboard shows it, and alerted_at says
-- when it was delivered.
CREATE TABLE plugin_quarantine (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  component   text        NOT NULL,
  sha256      text        NOT NULL,
  library     text        NOT NULL,
  version     text        NOT NULL,
  since       timestamptz NOT NULL,
  reason      text        NOT NULL,   -- "3 strikes within 10 minutes (crash, crash, deadline)"
  last_strike bigint,                 -- id in plugin_strikes, which may be gone
  opened_by   text        NOT NULL,   -- host
  released_at timestamptz,            -- null = open
  released_by text,
  alerted_at  timestamptz
);
CREATE UNIQUE INDEX plugin_quarantine_open ON plugin_quarantine (component, sha256) WHERE released_at IS NULL;
CREATE INDEX plugin_quarantine_file ON plugin_quarantine (component, sha256, released_at DESC);

-- Runs that lack some detector's word: how often a detector failed of late is counted here and not in all runs.
CREATE INDEX processed_runs_incomplete ON processed_runs (customer_id, processed_at DESC) WHERE incomplete <> '[]';
