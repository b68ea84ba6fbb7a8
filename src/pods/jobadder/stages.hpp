#pragma once

#include <rwp/core/error.hpp>
#include <rwp/jobadder/records.hpp>
#include <rwp/jobs/worker.hpp>

#include <string>
#include <string_view>

/// What JobAdder tells of applications, as the platform's events: the later half of a funnel.
namespace rwp::pods {

/// The custom field of applications in which the client_id of the applicant's browser stands, when
/// the job board has passed it on.
constexpr std::string_view kClientField = "client_id";

/// Emits `application_screened` once the application has left its first status,
/// `application_rejected` once it is turned down; each once, as far as jobs are kept. Nothing of
/// one in its first status, or that names no candidate or advert.
Result<void> tell_stage(const std::string& tenant, const jobadder::Application& application,
                        jobs::JobContext& context);

}  // namespace rwp::pods
