#pragma once

#include <rwp/ai/model.hpp>

#include <chrono>
#include <memory>

namespace rwp::ai {

/// How long one attempt may take. Zero: no limit. The time to connect is the transport's.
struct AttemptLimits {
  /// Until a stream's first piece. Models that reason may be silent for two minutes.
  std::chrono::milliseconds first_piece{300'000};
  /// Between two pieces of a stream, and after the last; comments that keep a connection alive do
  /// not count.
  std::chrono::milliseconds between_pieces{150'000};
  /// In all.
  std::chrono::milliseconds total{600'000};
};

/// Bounds one attempt at an upstream, and notes in ChatRequest::progress which attempts ended with
/// nobody knowing whether they are charged. An attempt that takes longer is cancelled and is
/// `Errc::deadline_exceeded`; the message says which limit. Stands innermost, around each attempt.
std::shared_ptr<Model> make_attempt_limited(std::shared_ptr<Model> model,
                                            AttemptLimits limits = AttemptLimits());

}  // namespace rwp::ai
