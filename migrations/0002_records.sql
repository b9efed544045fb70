-- What people and later roles keep about runs: issues, fixes, policies, deploys, digests (spec/wire.md 12).

CREATE TABLE issues (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id      text        NOT NULL,
  agent_id         text        NOT NULL,
  failure_type     text        NOT NULL,
  status           text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'reopened')),
  first_seen       timestamptz NOT NULL DEFAULT now(),
  last_seen        timestamptz NOT NULL DEFAULT now(),
  resolved_at      timestamptz,
  affected_runs    integer     NOT NULL DEFAULT 1,
  clean_runs_since integer     NOT NULL DEFAULT 0,
  UNIQUE (customer_id, agent_id, failure_type)
);

CREATE TABLE digest_log (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id text        NOT NULL DEFAULT 'dev_customer',
  digest_type text        NOT NULL DEFAULT 'weekly',
  sent_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fixes (
  id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id          text        NOT NULL,
  run_id               text        NOT NULL,
  signal_id            bigint      NOT NULL,
  fix_content          text        NOT NULL,
  fix_type             text        NOT NULL DEFAULT 'prompt_addition',
  applied_via          text        NOT NULL,
  langfuse_prompt_name text,
  langfuse_version     integer,
  applied_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fixes_signal ON fixes (customer_id, signal_id);
CREATE INDEX fixes_run ON fixes (customer_id, run_id, applied_at DESC);

CREATE TABLE policies (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id text        NOT NULL DEFAULT 'dev_customer',
  agent_id    text        NOT NULL DEFAULT '*',
  name        text        NOT NULL,
  condition   jsonb       NOT NULL,
  action      jsonb       NOT NULL,
  enabled     boolean     NOT NULL DEFAULT true,
  priority    integer     NOT NULL DEFAULT 100,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX policies_agent ON policies (customer_id, agent_id, enabled);

CREATE TABLE deploy_events (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id text        NOT NULL,
  agent_id    text        NOT NULL,
  version     text        NOT NULL,
  deployed_at timestamptz NOT NULL DEFAULT now(),
  meta        jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX deploy_events_agent ON deploy_events (customer_id, agent_id, deployed_at DESC);
