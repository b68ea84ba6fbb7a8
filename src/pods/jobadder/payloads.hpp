#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/uuid.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

/// The payloads of the jobs by which records of JobAdder come in and results go back. The job's
/// tenant is the account's.
namespace rwp::pods {

constexpr std::string_view kJobAdderQueue = "jobadder";

/// Looks at the account's webhooks and takes in what has changed, time and again.
struct JobAdderSync {
  static constexpr std::string_view job_kind = "jobadder.sync";
  /// In the payload for people who list jobs.
  std::string tenant{};
  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{field("tenant", &JobAdderSync::tenant, optional)};
  }
};

/// Reads one record again, and submits what is to be made of it.
struct JobAdderRecord {
  static constexpr std::string_view job_kind = "jobadder.record";
  /// "job_ad", "candidate", "application" or "placement".
  std::string entity{};
  std::int64_t id = 0;
  /// What was seen of it: its time of update, a digest, or the event.
  std::string version{};
  /// Of whom the job is tagged as telling, by subject_of(). Empty: nobody knew.
  std::string subject{};
  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{field("entity", &JobAdderRecord::entity),
                      field("id", &JobAdderRecord::id, {.minimum = 1}),
                      field("version", &JobAdderRecord::version),
                      field("subject", &JobAdderRecord::subject, optional)};
  }
};

/// Writes a match's result back to its application.
struct JobAdderWriteBack {
  static constexpr std::string_view job_kind = "jobadder.write_back";
  std::int64_t application_id = 0;
  std::string candidate_id{};
  /// The job "match.score".
  std::string match_id{};
  static constexpr auto describe() {
    return std::tuple{field("application_id", &JobAdderWriteBack::application_id, {.minimum = 1}),
                      field("candidate_id", &JobAdderWriteBack::candidate_id),
                      field("match_id", &JobAdderWriteBack::match_id)};
  }
};

}  // namespace rwp::pods
