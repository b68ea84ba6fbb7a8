#pragma once

#include "pods/json_slice.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/jobs/job.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// Jobs as the API's JSON has them.
namespace rwp::pods {

/// Most jobs of one POST.
constexpr std::size_t kMaxJobsPerPost = 1'000;

/// What is wrong with a request, and where: a member's path ("jobs[3].kind"), a query name, a
/// header.
struct BadRequest {
  Error error{};
  std::string field{};
};

/// What a POST asks for.
struct JobsToSubmit {
  std::vector<jobs::NewJob> jobs{};
  /// The body was {"jobs": […]}.
  bool many = false;
};

/// Reads the body of POST /v1/jobs: one job, or {"jobs": […]}. Members that are unknown, stand
/// twice or have the wrong type are refused; `bad` then says which. The store judges the values.
Result<JobsToSubmit> read_jobs(std::string body, BadRequest& bad);

/// The path of the member that an error of the jobs component names ("\"kind\" must …").
std::string named_field(const Error& error);

/// Who looks at a job: operators are shown what is no business of its tenant's.
enum class Viewer : std::uint8_t { tenant, operators };

/// The whole job as a JSON object.
void write_job(JsonWriter& out, const jobs::Job& job, Viewer viewer = Viewer::tenant);

}  // namespace rwp::pods
