#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

// How answers were come by (call, batch, cache, shared), and what that saved.
const char* const kVersion5 = R"sql(
ALTER TABLE rwp.usage ADD COLUMN source smallint NOT NULL DEFAULT 0,
  ADD COLUMN calls bigint NOT NULL DEFAULT 1,
  ADD COLUMN saved_micro_usd bigint NOT NULL DEFAULT 0;
CREATE INDEX usage_time ON rwp.usage (at);
)sql";

}  // namespace rwp::jobs_postgres
