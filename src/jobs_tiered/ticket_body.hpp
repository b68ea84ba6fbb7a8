#pragma once

#include <rwp/jobs/requests.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// What a claimer needs of a job, as a ticket carries it.
namespace rwp::jobs_tiered {

/// What of payload, cursor and park's value goes with the ticket; more stays in the record.
constexpr std::size_t kMostCarried = 16 * 1024;

/// Writes what is no column of the ticket itself.
std::string write_body(const jobs::ClaimedJob& job);
/// When the record has said it.
void set_created_at(std::string& body, jobs::TimePoint created_at);

struct BodyRead {
  bool is_intact = false;
  /// Its payload has to be read from the record.
  bool is_elsewhere = false;
};
/// Fills `job` from what write_body() wrote.
BodyRead read_body(std::string_view body, jobs::ClaimedJob& job);

}  // namespace rwp::jobs_tiered
