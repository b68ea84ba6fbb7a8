#pragma once

#include <rwp/ai/json_schema.hpp>
#include <rwp/ai/model.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rwp::ai {

/// The answer without the code fence that some models put around JSON.
std::string_view without_fence(std::string_view text);

/// Judges answers by their requests' schemas, which it compiles once and keeps, up to 64.
///
/// Threads: one at a time.
class SchemaJudge {
 public:
  /// Success also when no schema was asked for. The error names the place and the rule, never the
  /// answer's own values.
  Result<void> judge(const OutputSchema* wanted, std::string_view content);

 private:
  static constexpr std::size_t kMostKept = 64;
  std::unordered_map<std::string, Result<JsonSchema>> compiled_;
};

}  // namespace rwp::ai
