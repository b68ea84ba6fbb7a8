#pragma once

#include <rwp/core/json_writer.hpp>
#include <rwp/jobs/requests.hpp>

namespace rwp::pods {

/// A queue as the API's JSON has it.
void write_queue(JsonWriter& out, const jobs::QueueCounts& queue, jobs::TimePoint now);

}  // namespace rwp::pods
