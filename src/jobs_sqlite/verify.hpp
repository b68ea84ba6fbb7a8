#pragma once

#include "jobs_sqlite/deaths.hpp"
#include "jobs_sqlite/transaction.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/verification.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Whether what the file keeps holds together; each page within one snapshot.
namespace rwp::jobs_sqlite {

Result<jobs::VerifyPage> verify(Transaction& transaction, const HolderJudge& judge,
                                const std::string& cursor, std::size_t limit);

/// One page of one stage: from where to begin, what was found, where to go on.
struct VerifyStep {
  Transaction& transaction;
  const HolderJudge& judge;
  /// The last row that was looked at; empty: from the start of the stage.
  std::string position{};
  std::size_t limit = 0;
  jobs::VerifyPage& page;
  /// The next page of this stage begins after this; empty: the stage has been walked through.
  std::string next{};
  /// 0 to 1, of the stage.
  double share = 1;

  void found(std::string_view kind, const Uuid& job_id, std::string detail) {
    page.findings.push_back(
        {.kind = std::string(kind), .job_id = job_id, .detail = std::move(detail)});
  }
};

/// Lower case, two digits a byte.
std::string hex_of(std::string_view bytes);

// The stages, in their order.
void verify_structure(VerifyStep& step);
void verify_jobs(VerifyStep& step);
void verify_ready(VerifyStep& step);
void verify_running(VerifyStep& step);
void verify_waiting(VerifyStep& step);
void verify_ended(VerifyStep& step);
void verify_unique_keys(VerifyStep& step);
void verify_ledger(VerifyStep& step);
void verify_counts(VerifyStep& step);
void verify_usage(VerifyStep& step);

}  // namespace rwp::jobs_sqlite
