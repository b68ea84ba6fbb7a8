#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// docs/decisions/0011 says why the tables are these. All times are milliseconds since 1970; states,
// reasons and priorities are the numbers of rwp::jobs' enumerations.
const char* const kVersion1Tables = R"sql(
CREATE TABLE rwp.lane (              -- a kind and version in a queue
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  UNIQUE (queue, kind, version)
);
CREATE TABLE rwp.queue (
  name text COLLATE "C" PRIMARY KEY,
  paused boolean NOT NULL DEFAULT false
);
CREATE TABLE rwp.tally (             -- changes of the number of jobs; a count is their sum
  lane integer NOT NULL,
  state smallint NOT NULL,
  jobs bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
CREATE TABLE rwp.mark (
  id integer PRIMARY KEY CHECK (id = 1),
  pruned_id_ms bigint NOT NULL       -- ids younger than this have never been pruned
);
INSERT INTO rwp.mark VALUES (1, 0);

CREATE SEQUENCE rwp.job_seq;
CREATE TABLE rwp.job (               -- written once
  id uuid PRIMARY KEY,
  seq bigint NOT NULL DEFAULT nextval('rwp.job_seq'),
  lane integer NOT NULL,
  priority smallint NOT NULL,
  max_attempts integer NOT NULL,
  created_at bigint NOT NULL,
  due_at bigint NOT NULL,
  timeout bigint,
  tenant text COLLATE "C",
  payload text COLLATE "C",
  payload_blob text COLLATE "C",
  rare text COLLATE "C"              -- JSON: tags, keys, traceparent
);
CREATE INDEX job_tenant ON rwp.job (tenant, id) WHERE tenant IS NOT NULL;

CREATE TABLE rwp.ready (             -- in the order of claims
  lane integer NOT NULL,
  priority smallint NOT NULL,
  seq bigint NOT NULL,
  id uuid NOT NULL,
  attempt integer NOT NULL,
  max_attempts integer NOT NULL,
  marks integer NOT NULL,
  crashes integer NOT NULL,
  bytes integer NOT NULL,            -- of the payload
  token bigint NOT NULL,
  finished_token bigint NOT NULL,
  run_at bigint NOT NULL,
  started_at bigint,
  park_key text COLLATE "C",
  more text COLLATE "C",             -- JSON: errors, progress, cursor, resume
  PRIMARY KEY (lane, priority, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
CREATE TABLE rwp.running (           -- leases; no column that a heartbeat writes is indexed
  id uuid PRIMARY KEY,
  lane integer NOT NULL,
  priority smallint NOT NULL,
  flags smallint NOT NULL,           -- 1 cancellation requested, 2 its handler may have begun
  seq bigint NOT NULL,
  attempt integer NOT NULL,
  max_attempts integer NOT NULL,
  marks integer NOT NULL,
  crashes integer NOT NULL,
  bytes integer NOT NULL,
  token bigint NOT NULL,
  finished_token bigint NOT NULL,
  run_at bigint NOT NULL,
  started_at bigint,
  holder bigint NOT NULL,
  claim bigint NOT NULL,             -- which of the holder's claims
  lease_ms integer NOT NULL,
  lease_until bigint NOT NULL,       -- 0: given up by its holder
  more text COLLATE "C"
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
CREATE TABLE rwp.waiting (           -- scheduled and parked
  id uuid PRIMARY KEY,
  state smallint NOT NULL,
  lane integer NOT NULL,
  priority smallint NOT NULL,
  seq bigint NOT NULL,
  attempt integer NOT NULL,
  max_attempts integer NOT NULL,
  marks integer NOT NULL,
  crashes integer NOT NULL,
  bytes integer NOT NULL,
  token bigint NOT NULL,
  finished_token bigint NOT NULL,
  run_at bigint NOT NULL,
  started_at bigint,
  park_key text COLLATE "C",
  more text COLLATE "C"
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX waiting_due ON rwp.waiting (run_at);
CREATE TABLE rwp.ended (             -- appended
  id uuid PRIMARY KEY,
  lane integer NOT NULL,
  state smallint NOT NULL,
  reason smallint NOT NULL,
  priority smallint NOT NULL,
  attempt integer NOT NULL,
  max_attempts integer NOT NULL,
  marks integer NOT NULL,
  crashes integer NOT NULL,
  token bigint NOT NULL,
  finished_token bigint NOT NULL,
  run_at bigint NOT NULL,
  started_at bigint,
  finished_at bigint NOT NULL,
  result text COLLATE "C",
  more text COLLATE "C"
);
CREATE INDEX ended_unhappy ON rwp.ended (id) WHERE state <> 4;

CREATE TABLE rwp.unique_key (
  key text COLLATE "C" PRIMARY KEY,  -- tenant, a unit separator, the key
  id uuid NOT NULL
);
CREATE TABLE rwp.ledger (
  key bytea PRIMARY KEY,             -- of a pruned job its id; else SHA-256 of tenant and key
  id uuid NOT NULL,
  digest bytea NOT NULL,             -- SHA-256 of the payload
  expires_at bigint NOT NULL
);
CREATE INDEX ledger_expiry ON rwp.ledger (expires_at);

CREATE TABLE rwp.usage (
  id uuid PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  model text COLLATE "C" NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  micro_usd bigint NOT NULL,
  at bigint NOT NULL
);
CREATE TABLE rwp.account (
  name text COLLATE "C" PRIMARY KEY,
  settled bigint NOT NULL DEFAULT 0
);
CREATE TABLE rwp.reservation (
  id uuid PRIMARY KEY,
  account text COLLATE "C" NOT NULL,
  amount bigint NOT NULL,
  is_settled boolean NOT NULL,
  lapses_at bigint NOT NULL
);
CREATE INDEX reservation_account ON rwp.reservation (account) WHERE NOT is_settled;
CREATE INDEX reservation_lapse ON rwp.reservation (lapses_at);
)sql";

const char* const kVersion1Functions = R"sql(
CREATE FUNCTION rwp.now_ms() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- When an id of version 7 was made.
CREATE FUNCTION rwp.id_ms(id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT ('x' || left(translate(id::text, '-', ''), 12))::bit(48)::bigint $$;

CREATE FUNCTION rwp.new_id() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  bytes bytea := overlay(uuid_send(gen_random_uuid()) PLACING
                         substring(int8send(rwp.now_ms()) FROM 3) FROM 1 FOR 6);
BEGIN
  RETURN encode(set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 112), 'hex')::uuid;
END $$;

-- The number of a lane, which is made when there is none yet.
CREATE FUNCTION rwp.lane_of(p_queue text, p_kind text, p_version integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_lane integer;
BEGIN
  SELECT id INTO v_lane FROM rwp.lane
  WHERE queue = p_queue AND kind = p_kind AND version = p_version;
  IF FOUND THEN RETURN v_lane; END IF;
  IF (SELECT count(*) FROM rwp.lane) >= 10000 THEN
    RAISE EXCEPTION 'more than 10000 different kinds, versions and queues'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO rwp.queue (name) VALUES (p_queue) ON CONFLICT DO NOTHING;
  INSERT INTO rwp.lane (queue, kind, version) VALUES (p_queue, p_kind, p_version)
  ON CONFLICT DO NOTHING;
  SELECT id INTO v_lane FROM rwp.lane
  WHERE queue = p_queue AND kind = p_kind AND version = p_version;
  RETURN v_lane;
END $$;

-- Where a job stands; null: it is not kept.
CREATE FUNCTION rwp.state_of(p_id uuid) RETURNS smallint LANGUAGE sql VOLATILE AS $$
  SELECT 2::smallint FROM rwp.running WHERE id = p_id
  UNION ALL SELECT state FROM rwp.waiting WHERE id = p_id
  UNION ALL SELECT state FROM rwp.ended WHERE id = p_id
  UNION ALL SELECT 1::smallint FROM rwp.job j JOIN rwp.ready r
    ON r.lane = j.lane AND r.priority IN (0, 1, 2, 3) AND r.seq = j.seq WHERE j.id = p_id
  LIMIT 1 $$;

-- Numbers of advisory locks, under which submits with the same key wait for one another.
CREATE FUNCTION rwp.lock_of(p_what text, p_tenant text, p_key text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT hashtextextended('rwp.' || p_what || chr(31) || coalesce(p_tenant, '') || chr(31) || p_key, 7) $$;

-- Inserts one job, or finds the one that stands in its place. Outcomes: 0 created, 1 existing,
-- 2 collapsed by a unique key, 3 the id, 4 the idempotency key is known with another payload.
CREATE FUNCTION rwp.submit(
  p_now bigint, p_id uuid, p_lane integer, p_priority smallint, p_max_attempts integer,
  p_run_at bigint, p_delay bigint, p_timeout bigint, p_tenant text, p_payload text,
  p_payload_blob text, p_digest bytea, p_rare text, p_idempotency_key text, p_unique_key text,
  p_unique_states integer, p_unique_period bigint, OUT id uuid, OUT outcome smallint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  v_now bigint := coalesce(p_now, rwp.now_ms());
  v_due bigint := greatest(coalesce(p_run_at, v_now) + p_delay, v_now);
  v_key bytea;
  v_row record;
  v_unique text;
  v_seq bigint;
  v_lane record;
BEGIN
  id := p_id;
  IF p_idempotency_key IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(rwp.lock_of('key', p_tenant, p_idempotency_key));
    v_key := sha256(convert_to(coalesce(p_tenant, '') || chr(31) || p_idempotency_key, 'UTF8'));
    SELECT l.id AS job, l.digest AS digest, l.expires_at AS expires INTO v_row
    FROM rwp.ledger l WHERE l.key = v_key;
    -- Never shorter than the job.
    IF FOUND AND (v_row.expires > v_now
                  OR EXISTS (SELECT FROM rwp.job j WHERE j.id = v_row.job)) THEN
      id := v_row.job;
      outcome := CASE WHEN v_row.digest = p_digest THEN 1 ELSE 4 END;
      RETURN;
    END IF;
  END IF;
  -- Only ids as old as some that were pruned can stand in the ledger.
  IF rwp.id_ms(p_id) <= (SELECT m.pruned_id_ms FROM rwp.mark m) THEN
    SELECT l.digest AS digest INTO v_row FROM rwp.ledger l
    WHERE l.key = uuid_send(p_id) AND l.expires_at > v_now;
    IF FOUND THEN
      outcome := CASE WHEN v_row.digest = coalesce(p_digest, sha256(convert_to(p_payload, 'UTF8')))
                      THEN 1 ELSE 3 END;
      RETURN;
    END IF;
  END IF;
  IF p_unique_key IS NOT NULL AND NOT EXISTS (SELECT FROM rwp.job j WHERE j.id = p_id) THEN
    PERFORM pg_advisory_xact_lock(rwp.lock_of('unique', p_tenant, p_unique_key));
    v_unique := coalesce(p_tenant, '') || chr(31) || p_unique_key;
    SELECT j.id AS job, j.created_at AS created, rwp.state_of(j.id) AS state INTO v_row
    FROM rwp.unique_key u JOIN rwp.job j ON j.id = u.id WHERE u.key = v_unique;
    IF FOUND AND v_row.state IS NOT NULL AND (p_unique_states >> v_row.state) & 1 = 1
       AND (p_unique_period = 0 OR v_row.created + p_unique_period > v_now) THEN
      -- The answer stands for the key, also once the job that gave it has ended.
      IF v_key IS NOT NULL THEN
        INSERT INTO rwp.ledger AS l VALUES (v_key, v_row.job, p_digest, v_now + 604800000)
        ON CONFLICT (key) DO UPDATE SET id = excluded.id, digest = excluded.digest,
                                        expires_at = excluded.expires_at;
      END IF;
      id := v_row.job;
      outcome := 2;
      RETURN;
    END IF;
  END IF;

  INSERT INTO rwp.job AS j (id, lane, priority, max_attempts, created_at, due_at, timeout, tenant,
                            payload, payload_blob, rare)
  VALUES (p_id, p_lane, p_priority, p_max_attempts, v_now, v_due, nullif(p_timeout, 0), p_tenant,
          p_payload, p_payload_blob, p_rare)
  ON CONFLICT (id) DO NOTHING RETURNING j.seq INTO v_seq;
  IF v_seq IS NULL THEN
    SELECT j.payload IS NOT DISTINCT FROM p_payload
           AND j.payload_blob IS NOT DISTINCT FROM p_payload_blob
           AND a.kind = b.kind AS same INTO v_row
    FROM rwp.job j JOIN rwp.lane a ON a.id = j.lane JOIN rwp.lane b ON b.id = p_lane
    WHERE j.id = p_id;
    outcome := CASE WHEN v_row.same THEN 1 ELSE 3 END;
    RETURN;
  END IF;
  IF v_due > v_now THEN
    INSERT INTO rwp.waiting VALUES (p_id, 0, p_lane, p_priority, v_seq, 0, p_max_attempts, 0, 0,
      coalesce(octet_length(p_payload), 0), 0, 0, v_due, NULL, NULL, NULL);
  ELSE
    INSERT INTO rwp.ready VALUES (p_lane, p_priority, v_seq, p_id, 0, p_max_attempts, 0, 0,
      coalesce(octet_length(p_payload), 0), 0, 0, v_due, NULL, NULL, NULL);
  END IF;
  INSERT INTO rwp.tally VALUES (p_lane, CASE WHEN v_due > v_now THEN 0 ELSE 1 END, 1);
  IF v_key IS NOT NULL THEN
    INSERT INTO rwp.ledger AS l VALUES (v_key, p_id, p_digest, v_now + 604800000)
    ON CONFLICT (key) DO UPDATE SET id = excluded.id, digest = excluded.digest,
                                    expires_at = excluded.expires_at;
  END IF;
  IF v_unique IS NOT NULL THEN
    INSERT INTO rwp.unique_key AS u VALUES (v_unique, p_id)
    ON CONFLICT (key) DO UPDATE SET id = excluded.id;
  END IF;
  outcome := 0;
END $$;

-- A job that is to run again takes its unique key back. Answers the job that holds it by this
-- one's rule, null when this one holds it now.
CREATE FUNCTION rwp.take_unique_key(p_id uuid) RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_job record;
  v_key text;
  v_holder uuid;
  v_state smallint;
BEGIN
  SELECT tenant, rare::json ->> 'unique_key' AS key, (rare::json ->> 'unique_states')::integer AS states
  INTO v_job FROM rwp.job WHERE id = p_id;
  IF v_job.key IS NULL THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock(rwp.lock_of('unique', v_job.tenant, v_job.key));
  v_key := coalesce(v_job.tenant, '') || chr(31) || v_job.key;
  SELECT id INTO v_holder FROM rwp.unique_key WHERE key = v_key;
  IF v_holder IS NOT NULL AND v_holder <> p_id THEN
    v_state := rwp.state_of(v_holder);
    -- Whatever the rule says, two that are open would be two at a time.
    IF v_state IS NOT NULL AND (v_state < 4 OR (v_job.states >> v_state) & 1 = 1) THEN
      RETURN v_holder;
    END IF;
  END IF;
  INSERT INTO rwp.unique_key AS u VALUES (v_key, p_id)
  ON CONFLICT (key) DO UPDATE SET id = excluded.id;
  RETURN NULL;
END $$;

-- For any language: submits one job within the caller's transaction and answers its id, or that of
-- the job that stands in its place. Call rwp.wake() after the commit for workers to see it at once;
-- without, they find it within a second. Errors: 22023 names the field and the rule, 23505: the id
-- or the idempotency key is known with another payload.
CREATE FUNCTION rwp.enqueue(
  kind text, payload text DEFAULT 'null', queue text DEFAULT 'default',
  priority text DEFAULT 'normal', run_at timestamptz DEFAULT NULL,
  delay interval DEFAULT '0', idempotency_key text DEFAULT NULL, unique_key text DEFAULT NULL,
  tenant text DEFAULT NULL, max_attempts integer DEFAULT 20, version integer DEFAULT 1,
  timeout interval DEFAULT '0', tags text[] DEFAULT '{}', id uuid DEFAULT NULL,
  traceparent text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
  v_priority integer := array_position(ARRAY['urgent', 'high', 'normal', 'low'], priority) - 1;
  v_id uuid := coalesce(enqueue.id, rwp.new_id());
  v_now bigint := rwp.now_ms();
  v_delay bigint := extract(epoch FROM delay) * 1000;
  v_timeout bigint := extract(epoch FROM timeout) * 1000;
  v_tag text;
  v_rare jsonb := '{}';
  v_answer record;
BEGIN
  IF kind IS NULL OR kind !~ '^[A-Za-z0-9._/-]{1,128}$' THEN
    RAISE EXCEPTION '"kind" must be 1 to 128 letters, digits, ''.'', ''_'', ''-'' or ''/'''
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF queue IS NULL OR queue !~ '^[A-Za-z0-9._/-]{1,128}$' THEN
    RAISE EXCEPTION '"queue" must be 1 to 128 letters, digits, ''.'', ''_'', ''-'' or ''/'''
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF version IS NULL OR version NOT BETWEEN 1 AND 1000000 THEN
    RAISE EXCEPTION '"version" must be 1 to 1000000' USING ERRCODE = 'invalid_parameter_value';
  ELSIF v_priority IS NULL THEN
    RAISE EXCEPTION '"priority" must be urgent, high, normal or low'
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF max_attempts IS NULL OR max_attempts NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION '"max_attempts" must be 1 to 1000' USING ERRCODE = 'invalid_parameter_value';
  ELSIF payload IS NULL OR NOT rwp.is_json(payload) THEN
    RAISE EXCEPTION '"payload" is not JSON' USING ERRCODE = 'invalid_parameter_value';
  ELSIF octet_length(payload) > 1048576 THEN
    RAISE EXCEPTION '"payload" is larger than 1 MiB' USING ERRCODE = 'invalid_parameter_value';
  ELSIF v_delay IS NULL OR v_delay NOT BETWEEN 0 AND 315360000000 THEN
    RAISE EXCEPTION '"delay" must be 0 to 10 years' USING ERRCODE = 'invalid_parameter_value';
  ELSIF v_timeout IS NULL OR v_timeout NOT BETWEEN 0 AND 315360000000 THEN
    RAISE EXCEPTION '"timeout" must be 0 to 10 years' USING ERRCODE = 'invalid_parameter_value';
  ELSIF run_at > now() + interval '3650 days' THEN
    RAISE EXCEPTION '"run_at" is over 10 years ahead' USING ERRCODE = 'invalid_parameter_value';
  ELSIF octet_length(idempotency_key) > 256 OR idempotency_key ~ '[\x01-\x1f]' THEN
    RAISE EXCEPTION '"idempotency_key" is longer than 256 bytes, or holds a control character'
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF octet_length(unique_key) > 512 OR unique_key ~ '[\x01-\x1f]' THEN
    RAISE EXCEPTION '"unique_key" is longer than 512 bytes, or holds a control character'
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF octet_length(tenant) > 128 OR tenant ~ '[\x01-\x1f]' THEN
    RAISE EXCEPTION '"tenant" is longer than 128 bytes, or holds a control character'
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF octet_length(traceparent) > 128 OR traceparent ~ '[\x01-\x1f]' THEN
    RAISE EXCEPTION '"traceparent" is longer than 128 bytes, or holds a control character'
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF cardinality(tags) > 16 THEN
    RAISE EXCEPTION '"tags" are more than 16' USING ERRCODE = 'invalid_parameter_value';
  ELSIF substr(v_id::text, 15, 1) <> '7' THEN
    RAISE EXCEPTION '"id" must be a UUID of version 7' USING ERRCODE = 'invalid_parameter_value';
  ELSIF rwp.id_ms(v_id) NOT BETWEEN v_now - 604800000 AND v_now + 86400000 THEN
    RAISE EXCEPTION '"id" was made more than seven days before, or a day after, the store''s time'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOREACH v_tag IN ARRAY coalesce(tags, '{}') LOOP
    IF v_tag IS NULL OR octet_length(v_tag) NOT BETWEEN 1 AND 64 OR v_tag ~ '[\x01-\x1f]' THEN
      RAISE EXCEPTION '"tags" must be 1 to 64 bytes without control characters'
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END LOOP;
  IF cardinality(tags) > 0 THEN v_rare := v_rare || jsonb_build_object('tags', tags); END IF;
  IF idempotency_key <> '' THEN
    v_rare := v_rare || jsonb_build_object('idempotency_key', idempotency_key);
  END IF;
  IF unique_key <> '' THEN  -- Stands in the open states: bits 0 to 3.
    v_rare := v_rare || jsonb_build_object('unique_key', unique_key, 'unique_states', 15);
  END IF;
  IF traceparent <> '' THEN
    v_rare := v_rare || jsonb_build_object('traceparent', traceparent);
  END IF;
  SELECT s.id, s.outcome INTO v_answer FROM rwp.submit(
    NULL, v_id, rwp.lane_of(queue, kind, version), v_priority::smallint, max_attempts,
    (extract(epoch FROM run_at) * 1000)::bigint, v_delay, v_timeout, nullif(tenant, ''), payload,
    NULL, sha256(convert_to(payload, 'UTF8')), nullif(v_rare::text, '{}'),
    nullif(idempotency_key, ''), nullif(unique_key, ''), 15, 0) s;
  IF v_answer.outcome = 3 THEN
    RAISE EXCEPTION 'the job''s id is known with another payload' USING ERRCODE = 'unique_violation';
  ELSIF v_answer.outcome = 4 THEN
    RAISE EXCEPTION 'the idempotency key is known with another payload'
      USING ERRCODE = 'unique_violation';
  END IF;
  RETURN v_answer.id;
END $$;

CREATE FUNCTION rwp.is_json(p_text text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM p_text::json;
  RETURN true;
EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
  RETURN false;
END $$;

-- Ends a run as succeeded within the caller's transaction. False: the run is stale, and the caller
-- must roll back what it did for it. Repeating an accepted completion answers true.
CREATE FUNCTION rwp.complete(p_id uuid, p_token bigint, p_result text DEFAULT 'null')
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_run rwp.running;
BEGIN
  IF p_result IS NULL OR NOT rwp.is_json(p_result) THEN
    RAISE EXCEPTION '"result" is not JSON' USING ERRCODE = 'invalid_parameter_value';
  ELSIF octet_length(p_result) > 1048576 THEN
    RAISE EXCEPTION '"result" is larger than 1 MiB' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM rwp.running WHERE id = p_id AND token = p_token RETURNING * INTO v_run;
  IF NOT FOUND THEN
    RETURN EXISTS (SELECT FROM rwp.ended WHERE id = p_id AND state = 4 AND token = p_token
                   AND finished_token = p_token);
  END IF;
  INSERT INTO rwp.ended VALUES (p_id, v_run.lane, 4, 0, v_run.priority, v_run.attempt,
    v_run.max_attempts, 0, 0, v_run.token, v_run.token, v_run.run_at, v_run.started_at,
    rwp.now_ms(), p_result, rwp.without_resume(v_run.more));
  INSERT INTO rwp.tally VALUES (v_run.lane, 2, -1), (v_run.lane, 4, 1);
  RETURN true;
END $$;

-- A park is answered for one run; what has ended keeps nothing of it.
CREATE FUNCTION rwp.without_resume(p_more text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF p_more IS NULL OR strpos(p_more, '"resume":') = 0 THEN RETURN p_more; END IF;
  BEGIN
    RETURN nullif((p_more::jsonb - 'resume')::text, '{}');
  EXCEPTION WHEN data_exception THEN
    RETURN p_more;  -- JSON that jsonb cannot hold, such as an escaped NUL.
  END;
END $$;

-- Tells listening workers that there may be work.
CREATE FUNCTION rwp.wake() RETURNS void LANGUAGE sql VOLATILE AS
$$ SELECT pg_notify('rwp', '*') $$;

-- Whether the account's limit holds the amount; true also when the reservation was there before.
CREATE FUNCTION rwp.reserve(p_now bigint, p_id uuid, p_account text, p_amount bigint,
                            p_limit bigint, p_lapse bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_now bigint := coalesce(p_now, rwp.now_ms());
  v_spent bigint;
BEGIN
  INSERT INTO rwp.account (name) VALUES (p_account) ON CONFLICT DO NOTHING;
  -- All who reserve on it wait for one another here.
  SELECT settled INTO v_spent FROM rwp.account WHERE name = p_account FOR UPDATE;
  IF EXISTS (SELECT FROM rwp.reservation WHERE id = p_id) THEN RETURN true; END IF;
  v_spent := v_spent + (SELECT coalesce(sum(amount), 0) FROM rwp.reservation
                        WHERE account = p_account AND NOT is_settled AND lapses_at > v_now);
  IF p_amount > p_limit - v_spent THEN RETURN false; END IF;
  INSERT INTO rwp.reservation VALUES (p_id, p_account, p_amount, false, v_now + p_lapse);
  RETURN true;
END $$;

CREATE FUNCTION rwp.settle(p_now bigint, p_id uuid, p_account text, p_spent bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_now bigint := coalesce(p_now, rwp.now_ms());
BEGIN
  INSERT INTO rwp.account (name) VALUES (p_account) ON CONFLICT DO NOTHING;
  PERFORM FROM rwp.account WHERE name = p_account FOR UPDATE;
  IF EXISTS (SELECT FROM rwp.reservation WHERE id = p_id AND is_settled) THEN RETURN; END IF;
  -- Kept as settled, so that settling twice books once.
  INSERT INTO rwp.reservation AS r VALUES (p_id, p_account, p_spent, true, v_now)
  ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, is_settled = true;
  UPDATE rwp.account SET settled = settled + p_spent WHERE name = p_account;
END $$;

-- What a role needs to run jobs, also in what later versions add: no more than to use the tables.
CREATE FUNCTION rwp.grant_use(p_role name) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA rwp TO %I', p_role);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rwp TO %I', p_role);
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON rwp.schema_version FROM %I', p_role);
  EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA rwp TO %I', p_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA rwp GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', p_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA rwp GRANT USAGE ON SEQUENCES TO %I', p_role);
END $$;
)sql";

}  // namespace rwp::jobs_postgres
