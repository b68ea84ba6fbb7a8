#include <rwp/ai/similarity.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

namespace rwp::ai {

double cosine_similarity(std::span<const float> left, std::span<const float> right) {
  assert(left.size() == right.size());
  double dot = 0.0;
  double left_squares = 0.0;
  double right_squares = 0.0;
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const double l = left[i];
    const double r = right[i];
    dot += l * r;
    left_squares += l * l;
    right_squares += r * r;
  }
  if (left_squares == 0.0 || right_squares == 0.0) return 0.0;
  return std::clamp(dot / std::sqrt(left_squares * right_squares), -1.0, 1.0);
}

}  // namespace rwp::ai
