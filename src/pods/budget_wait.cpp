#include "pods/budget_wait.hpp"

#include <algorithm>
#include <chrono>

namespace rwp::pods {
namespace {

constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(1);
constexpr std::chrono::milliseconds kShortestWait = std::chrono::seconds(1);

}  // namespace

Error end_without_answer(jobs::JobContext& context, const Error& error, Trouble& trouble) {
  const auto ends_in = error.retry_after();
  if (error.code() != Errc::budget_exceeded || !ends_in) return error;
  trouble.note_model("budget", error);
  const auto wait = std::clamp(*ends_in, kShortestWait, kLongestWait);
  context.log().warn("job waits for its budget", {{"error", error}, {"wait_ms", wait.count()}});
  return context.snooze(wait);
}

}  // namespace rwp::pods
