#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// Names this database to what hands its jobs out, so that a Redis that holds another's is told from
// its own. A copy has its original's name until `UPDATE rwp.identity SET database = DEFAULT`.
const char* const kVersion4 = R"sql(
CREATE TABLE rwp.identity (
  id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  database uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO rwp.identity DEFAULT VALUES;
)sql";

}  // namespace rwp::jobs_postgres
