#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/jobadder/records.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::jobadder {

/// Reads members of a record; the first that is of another type stays as the failure.
///
/// A path such as "candidate.candidateId" goes into objects. Lifetime: the document's.
class RecordReader {
 public:
  explicit RecordReader(JsonView root) : root_(root) {}

  std::string text(std::string_view path);
  std::optional<std::int64_t> number(std::string_view path);
  bool flag(std::string_view path);
  std::optional<TimePoint> time(std::string_view path);
  std::vector<std::string> texts(std::string_view path);
  /// The array's elements; empty: absent.
  std::vector<JsonView> elements(std::string_view path);
  /// 1 and above, else a failure.
  std::int64_t id(std::string_view path);
  const std::optional<Error>& failure() const noexcept { return failure_; }

 private:
  /// None: absent or null.
  std::optional<JsonView> find(std::string_view path);
  void fail(std::string_view path, const char* rule);

  JsonView root_;
  std::optional<Error> failure_;
};

}  // namespace rwp::jobadder
