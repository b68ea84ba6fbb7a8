#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// docs/decisions/0027: hot tables are written anew where no vacuum may clear them, and a submit of
// what stands already leaves no error in the server's log.
const char* const kVersion7 = R"sql(
-- Writes a hot table anew when it has become large for what stands in it, whoever keeps vacuum from
-- its dead rows: a snapshot that somebody holds elsewhere does not stop a TRUNCATE. True: it did.
-- Statements that wait for it take their snapshots afterwards; a transaction that has used the
-- table keeps it away, for a time that is short, since everybody then stands behind the lock.
CREATE FUNCTION rwp.rewrite_if_bloated(p_table text, p_least_bytes bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET enable_seqscan = on AS $$
DECLARE
  v_table regclass := CASE WHEN p_table IN ('ready', 'running', 'waiting', 'tally')
                           THEN ('rwp.' || p_table)::regclass END;
  v_most_rows constant integer := 50000;
  v_rows bigint;
  v_began timestamptz := clock_timestamp();
  v_ready rwp.ready[];
  v_running rwp.running[];
  v_waiting rwp.waiting[];
  v_tally rwp.tally[];
BEGIN
  -- A snapshot of before the lock would not see what was written meanwhile.
  IF v_table IS NULL OR current_setting('transaction_isolation') <> 'read committed'
     OR pg_relation_size(v_table) < p_least_bytes THEN
    RETURN false;
  END IF;
  EXECUTE format('SELECT count(*) FROM (SELECT FROM %s LIMIT %s) r', v_table, v_most_rows + 1)
  INTO v_rows;
  -- No more than a moment for all who wait.
  IF v_rows > v_most_rows OR v_rows * 1024 > pg_relation_size(v_table)
     OR clock_timestamp() - v_began > interval '2 seconds' THEN
    RETURN false;
  END IF;
  BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_table);
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN false;
  END;
  -- Another may have been here first.
  IF pg_relation_size(v_table) < p_least_bytes THEN RETURN false; END IF;
  CASE p_table
    WHEN 'ready' THEN
      v_ready := ARRAY(SELECT r FROM rwp.ready r ORDER BY r.lane, r.priority, r.seq);
      TRUNCATE rwp.ready;
      INSERT INTO rwp.ready SELECT * FROM unnest(v_ready);
    WHEN 'running' THEN
      v_running := ARRAY(SELECT r FROM rwp.running r ORDER BY r.id);
      TRUNCATE rwp.running;
      INSERT INTO rwp.running SELECT * FROM unnest(v_running);
    WHEN 'waiting' THEN
      v_waiting := ARRAY(SELECT r FROM rwp.waiting r ORDER BY r.id);
      TRUNCATE rwp.waiting;
      INSERT INTO rwp.waiting SELECT * FROM unnest(v_waiting);
    ELSE
      v_tally := ARRAY(SELECT t FROM rwp.tally t);
      TRUNCATE rwp.tally;
      INSERT INTO rwp.tally SELECT * FROM unnest(v_tally);
  END CASE;
  RETURN true;
END $$;

-- As insert_ready; false, and nothing done: one of them stands already, or stood.
CREATE FUNCTION rwp.insert_new(
  p_now bigint, p_oldest bigint, p_ids uuid[], p_lanes integer[], p_priorities smallint[],
  p_max_attempts integer[], p_timeouts bigint[], p_tenants text[], p_payloads text[],
  p_payload_blobs text[], p_rare text[]) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM rwp.insert_ready(p_now, p_oldest, p_ids, p_lanes, p_priorities, p_max_attempts,
                           p_timeouts, p_tenants, p_payloads, p_payload_blobs, p_rare);
  RETURN true;
EXCEPTION WHEN unique_violation THEN
  RETURN false;
END $$;
)sql";

}  // namespace rwp::jobs_postgres
