#pragma once

#include <string>
#include <utility>

namespace rwp {

/// A value that must not be shown. Nothing prints it; only `expose()` gives it away.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const noexcept { return value_.empty(); }
  const std::string& expose() const noexcept { return value_; }
  /// What may stand in its place in logs and configuration listings.
  std::string masked() const { return value_.empty() ? "" : "********"; }

 private:
  std::string value_;
};

}  // namespace rwp
