#pragma once

#include <algorithm>
#include <cstddef>

namespace rwp::storage::s3 {

/// How many requests may be under way: halved when the server asks to slow down, one more for each
/// round that it answers. Pure.
class Pace {
 public:
  explicit Pace(std::size_t most) : most_(most), limit_(most) {}

  std::size_t limit() const { return limit_; }
  bool has_room() const { return under_way_ < limit_; }
  void begun() { ++under_way_; }
  void ended() { --under_way_; }

  void answered() {
    if (refusals_to_pass_over_ > 0) --refusals_to_pass_over_;
    if (limit_ == most_ || ++answers_ < limit_) return;
    answers_ = 0;
    ++limit_;
  }
  void slowed_down() {
    answers_ = 0;
    // Those under way at the first refusal are refused for the same reason, and count once.
    if (refusals_to_pass_over_ > 0) {
      --refusals_to_pass_over_;
      return;
    }
    limit_ = std::max<std::size_t>(1, limit_ / 2);
    refusals_to_pass_over_ = under_way_ > 0 ? under_way_ - 1 : 0;
  }

 private:
  const std::size_t most_;
  std::size_t limit_;
  std::size_t under_way_ = 0;
  std::size_t answers_ = 0;
  std::size_t refusals_to_pass_over_ = 0;
};

}  // namespace rwp::storage::s3
