#include "ai_local/embedding.hpp"

#include "ai_local/text.hpp"
#include "ai_local/words.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <string>

namespace rwp::ai_local {
namespace {

constexpr double kWordWeight = 1.0;
constexpr double kStopwordWeight = 0.15;
constexpr double kPairWeight = 0.6;
constexpr double kTrigramWeight = 0.25;

/// FNV-1a with a finishing mix, so that low and high bits are independent.
std::uint64_t hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t value = 14695981039346656037ULL ^ (seed * 0x9E3779B97F4A7C15ULL);
  for (const char c : bytes) {
    value ^= static_cast<unsigned char>(c);
    value *= 1099511628211ULL;
  }
  value ^= value >> 33U;
  value *= 0xFF51AFD7ED558CCDULL;
  value ^= value >> 33U;
  value *= 0xC4CEB9FE1A85EC53ULL;
  return value ^ (value >> 33U);
}

struct Feature {
  double weight = 0.0;
  double count = 0.0;
};

/// Sorted by hash, so that sums are made in the same order everywhere.
using Features = std::map<std::uint64_t, Feature>;

void count(Features& features, std::string_view bytes, std::uint64_t kind, double weight) {
  auto& feature = features[hash(bytes, kind)];
  feature.weight = weight;
  feature.count += 1.0;
}

Features read_features(std::string_view text) {
  Features features;
  const std::string clean = normalise(text);
  const std::string folded = fold(clean);
  std::string_view before;
  std::string buffer;
  for (const auto& word : split_words(clean, folded)) {
    const auto root = stem(word.folded);
    const bool stopword = is_stopword(word.folded);
    count(features, root, 1, stopword ? kStopwordWeight : kWordWeight);
    if (!before.empty() && !word.after_break) {
      buffer.assign(before).append(" ").append(root);
      count(features, buffer, 2, kPairWeight);
    }
    before = root;
    if (stopword) continue;
    buffer.assign("^").append(root).append("$");
    for (std::size_t i = 0; i + 3 <= buffer.size(); ++i) {
      count(features, std::string_view(buffer).substr(i, 3), 3, kTrigramWeight);
    }
  }
  // A text without a word ("!!!") still has a direction of its own.
  if (features.empty()) count(features, text, 4, kWordWeight);
  return features;
}

}  // namespace

std::vector<float> embed_text(std::string_view text, std::size_t dimensions) {
  std::vector<double> sums(dimensions, 0.0);
  std::uint64_t first = 0;
  for (const auto& [key, feature] : read_features(text)) {
    const double value = feature.weight * (1.0 + std::log(feature.count));
    sums[key % dimensions] += (key >> 63U) != 0 ? value : -value;
    if (first == 0) first = key;
  }
  double squares = 0.0;
  for (const double value : sums) squares += value * value;
  if (squares == 0.0) {  // All cancelled out, which few dimensions can bring about.
    sums[first % dimensions] = 1.0;
    squares = 1.0;
  }
  std::vector<float> vector;
  vector.reserve(dimensions);
  for (const double value : sums) vector.push_back(static_cast<float>(value / std::sqrt(squares)));
  return vector;
}

}  // namespace rwp::ai_local
