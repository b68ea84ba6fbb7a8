#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/jobs/requests.hpp>

#include <cstdint>

namespace rwp::jobs_postgres {

/// What rwp.submit() answered. `in_doubt`: an earlier try of the same submit may have made the job.
inline Result<jobs::Inserted> answer_of_submit(const Uuid& id, std::int64_t outcome,
                                               bool in_doubt) {
  using Outcome = jobs::Inserted::Outcome;
  switch (outcome) {
    case 0:
      return jobs::Inserted{.id = id, .outcome = Outcome::created};
    case 1:
      return jobs::Inserted{.id = id, .outcome = in_doubt ? Outcome::created : Outcome::existing};
    case 2:
      return jobs::Inserted{.id = id, .outcome = Outcome::collapsed};
    case 3:
      return Error(Errc::conflict, "the job's id is known with another payload");
    default:
      return Error(Errc::conflict, "the idempotency key is known with another payload");
  }
}

}  // namespace rwp::jobs_postgres
