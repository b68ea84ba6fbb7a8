#pragma once

#include <rwp/ai/model.hpp>

#include <chrono>
#include <memory>

namespace rwp::ai {

/// Longest that a call may take in all, whatever happens beneath. Zero: as the request says.
struct DeadlineOptions {
  std::chrono::milliseconds chat{600'000};
  std::chrono::milliseconds embed{120'000};
};

/// Bounds each call: the request's deadline is brought forward to these, told to what stands
/// beneath, and enforced: what has not ended by then is cancelled and is `Errc::deadline_exceeded`.
/// Stands outermost.
std::shared_ptr<Model> make_deadline(std::shared_ptr<Model> model,
                                     DeadlineOptions options = DeadlineOptions());

}  // namespace rwp::ai
