#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The API's records, typed as far as this library uses them. Each keeps the whole of what JobAdder
/// sent in `record`, so that nothing is lost that it does not know.
///
/// An absent or null text is empty. read() fails with `Errc::corrupt` when the id is missing or a
/// member that is there has another type; the message names it.
namespace rwp::jobadder {

using TimePoint = std::chrono::system_clock::time_point;

struct JobAd {
  std::int64_t ad_id = 0;
  std::string state{};
  std::string title{};
  std::string reference{};
  std::string summary{};
  std::vector<std::string> bullet_points{};
  /// HTML.
  std::string description{};
  std::optional<std::int64_t> job_id{};
  std::string company{};
  /// Of the job that it is for.
  std::string location{};
  std::string posted_at{};
  std::string expires_at{};
  JsonText record{};

  static constexpr std::string_view kPath = "/jobads";
  static constexpr std::string_view kId = "adId";
  static Result<JobAd> read(JsonText record);
};

/// A job (an order) of a company.
struct JobOrder {
  std::int64_t job_id = 0;
  std::string title{};
  std::string company{};
  std::string location{};
  std::string status{};
  bool active = false;
  std::string description{};
  std::optional<TimePoint> updated_at{};
  JsonText record{};

  static constexpr std::string_view kPath = "/jobs";
  static constexpr std::string_view kId = "jobId";
  static Result<JobOrder> read(JsonText record);
};

struct Candidate {
  struct Post {
    std::string employer{};
    std::string position{};
    std::string start{};
    std::string end{};
    std::string description{};
  };
  std::int64_t candidate_id = 0;
  std::string first_name{};
  std::string last_name{};
  std::string email{};
  std::string phone{};
  std::string mobile{};
  std::string city{};
  std::string status{};
  std::string summary{};
  /// The present post first, when there is one.
  std::vector<Post> posts{};
  std::vector<std::string> skill_tags{};
  std::optional<TimePoint> created_at{};
  std::optional<TimePoint> updated_at{};
  JsonText record{};

  static constexpr std::string_view kPath = "/candidates";
  static constexpr std::string_view kId = "candidateId";
  static Result<Candidate> read(JsonText record);
};

struct Application {
  std::int64_t application_id = 0;
  std::optional<std::int64_t> candidate_id{};
  std::optional<std::int64_t> ad_id{};
  std::optional<std::int64_t> job_id{};
  std::string status{};
  bool active = false;
  /// Of the status: the one that new applications have; one that turns them down.
  bool is_first_status = false;
  bool rejected = false;
  /// Where it came from, as the agency calls it.
  std::string source{};
  std::optional<TimePoint> created_at{};
  std::optional<TimePoint> updated_at{};
  JsonText record{};

  static constexpr std::string_view kPath = "/applications";
  static constexpr std::string_view kId = "applicationId";
  static Result<Application> read(JsonText record);
};

struct Placement {
  std::int64_t placement_id = 0;
  std::string type{};
  std::optional<std::int64_t> candidate_id{};
  std::optional<std::int64_t> job_id{};
  bool approved = false;
  std::optional<TimePoint> approved_at{};
  std::string start_date{};
  std::string end_date{};
  std::optional<TimePoint> updated_at{};
  JsonText record{};

  static constexpr std::string_view kPath = "/placements";
  static constexpr std::string_view kId = "placementId";
  static Result<Placement> read(JsonText record);
};

/// A file of a candidate.
struct Attachment {
  std::int64_t attachment_id = 0;
  /// Resume, CoverLetter, FormattedResume, Screening, Check, Reference, License or Other.
  std::string type{};
  std::string file_name{};
  std::string file_type{};
  std::optional<TimePoint> created_at{};
  JsonText record{};

  static constexpr std::string_view kId = "attachmentId";
  static Result<Attachment> read(JsonText record);
};

struct Note {
  std::string note_id{};
  std::string type{};
  std::string text{};
  /// What its author chose to find it by; at most 200 characters.
  std::string reference{};
  std::optional<TimePoint> created_at{};
  JsonText record{};

  static constexpr std::string_view kId = "noteId";
  static Result<Note> read(JsonText record);
};

/// JobAdder's times: "2026-01-31T09:00:00Z", with a fraction and an offset, or without (UTC).
std::optional<TimePoint> parse_time(std::string_view text);
/// Whole seconds, UTC: what filters take.
std::string format_time(TimePoint time);

}  // namespace rwp::jobadder
