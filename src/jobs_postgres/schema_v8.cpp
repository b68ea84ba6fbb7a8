#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// docs/decisions/0032: what is bloated is told from what stands in a table, and up to two million
// jobs may stand there.
const char* const kVersion8 = R"sql(
-- True: the table has been written anew. No more than p_least_bytes are left as they are, and what is
-- not twice as large as its rows. Statements that wait for it take their snapshots afterwards.
CREATE OR REPLACE FUNCTION rwp.rewrite_if_bloated(p_table text, p_least_bytes bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET enable_seqscan = on AS $$
DECLARE
  v_table regclass := CASE WHEN p_table IN ('ready', 'running', 'waiting', 'tally')
                           THEN ('rwp.' || p_table)::regclass END;
  v_more text := CASE p_table WHEN 'tally' THEN '0' ELSE 'coalesce(pg_column_size(more), 0)' END;
  v_order text := CASE p_table WHEN 'tally' THEN '' WHEN 'ready'
                               THEN 'ORDER BY lane, priority, seq' ELSE 'ORDER BY id' END;
  -- Some two million rows, which takes about four seconds.
  v_most_bytes constant bigint := 256 * 1024 * 1024;
  v_bytes bigint;  -- That are to be written again,
  v_paged bigint;  -- and those of them in the table's own pages.
  v_began timestamptz := clock_timestamp();
BEGIN
  -- A snapshot of before the lock would not see what was written meanwhile.
  IF v_table IS NULL OR current_setting('transaction_isolation') <> 'read committed'
     OR pg_relation_size(v_table) < p_least_bytes THEN
    RETURN false;
  END IF;
  EXECUTE format('SELECT coalesce(sum(128 + r.more), 0), coalesce(sum(128 + least(r.more, 2048)), 0)'
                 ' FROM (SELECT %s AS more FROM %s LIMIT %s) r',
                 v_more, v_table, v_most_bytes / 128 + 1) INTO v_bytes, v_paged;
  IF v_bytes > v_most_bytes OR 2 * v_paged > pg_relation_size(v_table)
     OR clock_timestamp() - v_began > interval '2 seconds' THEN
    RETURN false;
  END IF;
  BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_table);
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN false;
  END;
  -- Another may have been here first.
  IF pg_relation_size(v_table) < greatest(p_least_bytes, 2 * v_paged) THEN RETURN false; END IF;
  EXECUTE format('CREATE UNLOGGED TABLE rwp.kept_%s AS SELECT * FROM %s %s',
                 p_table, v_table, v_order);
  EXECUTE format('TRUNCATE %s', v_table);
  EXECUTE format('INSERT INTO %s SELECT * FROM rwp.kept_%s', v_table, p_table);
  EXECUTE format('DROP TABLE rwp.kept_%s', p_table);
  RETURN true;
END $$;
)sql";

}  // namespace rwp::jobs_postgres
