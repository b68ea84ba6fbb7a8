#include "pods/queue_json.hpp"

#include "pods/time_text.hpp"
#include <rwp/core/describe.hpp>

#include <algorithm>
#include <chrono>

namespace rwp::pods {

void write_queue(JsonWriter& out, const jobs::QueueCounts& queue, jobs::TimePoint now) {
  out.begin_object();
  out.member("name", queue.queue);
  out.member("paused", queue.paused);
  out.key("states").begin_object();
  for (std::size_t i = 0; i < jobs::kJobStateCount; ++i) {
    out.member(enum_name(static_cast<jobs::JobState>(i)), queue.states.at(i));
  }
  out.end_object();
  if (queue.oldest_ready) {
    const std::chrono::duration<double> age = now - *queue.oldest_ready;
    out.member("oldest_ready_at", to_rfc3339(*queue.oldest_ready));
    out.member("oldest_ready_seconds", std::max(age.count(), 0.0));
  }
  out.end_object();
}

}  // namespace rwp::pods
