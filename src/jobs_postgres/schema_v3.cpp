#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// docs/decisions/0013: submits in bulk by a function of few plain statements, and submits that meet
// a prune of the same ids.
const char* const kVersion3 = R"sql(
-- Whether one of these jobs, just inserted here, stands in the ledger as pruned. An insert that
-- waited for the prune to commit has seen the old job go, and not yet its entry.
CREATE FUNCTION rwp.pruned_meanwhile(p_now bigint, p_oldest bigint, p_ids uuid[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN p_oldest <= (SELECT pruned_id_ms FROM rwp.mark)
    AND EXISTS (SELECT FROM unnest(p_ids) AS g(id) JOIN rwp.ledger l ON l.key = uuid_send(g.id)
                JOIN rwp.job j ON j.id = g.id WHERE l.expires_at > coalesce(p_now, rwp.now_ms()));
END $$;

-- Has a submit begin anew that met such a prune.
CREATE FUNCTION rwp.refuse_pruned(p_now bigint, p_oldest bigint, p_ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF rwp.pruned_meanwhile(p_now, p_oldest, p_ids) THEN
    RAISE EXCEPTION 'a job was pruned while it was submitted again'
      USING ERRCODE = 'serialization_failure';
  END IF;
END $$;

-- Inserts jobs that are ready at once and that nobody has seen before; 23505: one of them stands
-- already, or stood.
CREATE FUNCTION rwp.insert_ready(
  p_now bigint, p_oldest bigint, p_ids uuid[], p_lanes integer[], p_priorities smallint[],
  p_max_attempts integer[], p_timeouts bigint[], p_tenants text[], p_payloads text[],
  p_payload_blobs text[], p_rare text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_now bigint := coalesce(p_now, rwp.now_ms());
  v_seqs bigint[] := ARRAY(SELECT nextval('rwp.job_seq')
                           FROM generate_series(1, cardinality(p_ids)));
BEGIN
  INSERT INTO rwp.job (id, seq, lane, priority, max_attempts, created_at, due_at, timeout, tenant,
                       payload, payload_blob, rare)
  SELECT g.id, g.seq, g.lane, g.priority, g.max_attempts, v_now, v_now, g.timeout, g.tenant,
         g.payload, g.payload_blob, g.rare
  FROM unnest(p_ids, v_seqs, p_lanes, p_priorities, p_max_attempts, p_timeouts, p_tenants,
              p_payloads, p_payload_blobs, p_rare)
    AS g(id, seq, lane, priority, max_attempts, timeout, tenant, payload, payload_blob, rare);
  INSERT INTO rwp.ready (lane, priority, seq, id, attempt, max_attempts, marks, crashes, bytes,
                         token, finished_token, run_at)
  SELECT g.lane, g.priority, g.seq, g.id, 0, g.max_attempts, 0, 0,
         coalesce(octet_length(g.payload), 0), 0, 0, v_now
  FROM unnest(p_ids, v_seqs, p_lanes, p_priorities, p_max_attempts, p_payloads)
    AS g(id, seq, lane, priority, max_attempts, payload);
  INSERT INTO rwp.tally SELECT lane, 1, count(*) FROM unnest(p_lanes) AS g(lane) GROUP BY lane;
  IF rwp.pruned_meanwhile(v_now, p_oldest, p_ids) THEN
    RAISE EXCEPTION 'a job that was pruned is submitted again' USING ERRCODE = 'unique_violation';
  END IF;
END $$;

-- Inserts one job, or finds the one that stands in its place. Outcomes: 0 created, 1 existing,
-- 2 collapsed by a unique key, 3 the id, 4 the idempotency key is known with another payload.
CREATE OR REPLACE FUNCTION rwp.submit(
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
  IF rwp.pruned_meanwhile(v_now, rwp.id_ms(p_id), ARRAY[p_id]) THEN
    DELETE FROM rwp.job j WHERE j.id = p_id;
    SELECT l.digest AS digest INTO v_row FROM rwp.ledger l WHERE l.key = uuid_send(p_id);
    outcome := CASE WHEN v_row.digest = coalesce(p_digest, sha256(convert_to(p_payload, 'UTF8')))
                    THEN 1 ELSE 3 END;
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
)sql";

}  // namespace rwp::jobs_postgres
