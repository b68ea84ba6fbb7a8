#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/jobs/job.hpp>

#include <string_view>
#include <utility>

namespace rwp::jobs {

/// A described struct that says which job it is the payload of:
///
///     struct EnrichAd {
///       std::string title;
///       static constexpr std::string_view job_kind = "job_ad.enrich";
///       static constexpr int job_version = 1;              // optional; 1
///       static constexpr auto describe() { … }
///     };
template <class T>
concept JobArguments = DescribedStruct<T> && requires {
  { T::job_kind } -> std::convertible_to<std::string_view>;
};

template <JobArguments T>
constexpr int job_version_of() {
  if constexpr (requires { T::job_version; }) {
    return T::job_version;
  } else {
    return 1;
  }
}

/// The job that runs with these arguments; set further members of it before the submit.
template <JobArguments T>
NewJob to_new_job(const T& arguments) {
  NewJob job;
  job.kind = std::string(T::job_kind);
  job.version = job_version_of<T>();
  job.payload = encode(arguments);
  return job;
}

}  // namespace rwp::jobs
