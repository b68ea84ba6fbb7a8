#pragma once

#include <rwp/observability/trace.hpp>

#include <random>
#include <string>

namespace rwp::server {

/// Makes ids that need to be different, not secret, without asking the system for each.
/// Threads: one at a time.
class RandomIds {
 public:
  RandomIds();
  /// 32 hexadecimal digits.
  std::string request_id();
  /// A child of `parent`, or a root when that is not valid.
  observability::TraceContext trace(const observability::TraceContext& parent);

 private:
  std::mt19937_64 engine_;
};

}  // namespace rwp::server
