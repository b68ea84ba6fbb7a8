#pragma once

#include <span>

namespace rwp::ai {

/// How alike two embeddings are: the cosine of the angle between them, -1 to 1; 1 is the same
/// direction. 0 when either is all zero. Both have the same number of dimensions (asserted).
double cosine_similarity(std::span<const float> left, std::span<const float> right);

}  // namespace rwp::ai
