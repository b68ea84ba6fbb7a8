#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// A ready job is probed for, whatever the statistics say: a table that was vacuumed while it was
// empty counts as one row, and a join then walks over all that wait (docs/decisions/0019).
const char* const kVersion6 = R"sql(
CREATE OR REPLACE FUNCTION rwp.state_of(p_id uuid) RETURNS smallint LANGUAGE sql VOLATILE AS $$
  SELECT 2::smallint FROM rwp.running WHERE id = p_id
  UNION ALL SELECT state FROM rwp.waiting WHERE id = p_id
  UNION ALL SELECT state FROM rwp.ended WHERE id = p_id
  UNION ALL SELECT 1::smallint FROM rwp.job j CROSS JOIN (VALUES (0), (1), (2), (3)) AS p(priority)
    CROSS JOIN LATERAL (SELECT FROM rwp.ready c WHERE c.lane = j.lane
      AND c.priority = p.priority::smallint AND c.seq = j.seq OFFSET 0) r WHERE j.id = p_id
  LIMIT 1 $$;
)sql";

}  // namespace rwp::jobs_postgres
