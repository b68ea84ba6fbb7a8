#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// docs/decisions/0012: a job that a dispatch beside the record hands out stands in `running`, held
// by kDispatchHolder, its ticket's stamp as `claim`, its lease without an end. Programs of version
// 1 leave such rows alone, and end them as they end any run.
const char* const kVersion2 = R"sql(
CREATE TABLE rwp.dispatch (          -- one row, or none: the defaults
  id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  mode smallint NOT NULL DEFAULT 1,  -- 0 the record hands out, 1 a dispatch beside it
  epoch bigint NOT NULL DEFAULT 1,   -- of the mode
  longest_lease_ms bigint NOT NULL DEFAULT 0,
  leader bigint NOT NULL DEFAULT 0,  -- the store that reconciles
  term bigint NOT NULL DEFAULT 0,
  leader_until bigint NOT NULL DEFAULT 0
);
)sql";

}  // namespace rwp::jobs_postgres
