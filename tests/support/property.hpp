#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

/// How random tests are steered from outside: RWP_PROPERTY_SEQUENCES sets how many sequences a test
/// runs, RWP_PROPERTY_SEED repeats one that failed.
namespace rwp::tests {

inline std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? fallback : std::stoull(text);
}

inline std::uint64_t property_sequences(std::uint64_t by_default) {
  return number_from_environment("RWP_PROPERTY_SEQUENCES", by_default);
}

inline std::uint64_t property_seed() {
  return number_from_environment("RWP_PROPERTY_SEED", std::random_device()());
}

/// Evenly drawn choices.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  /// 0 to `sides` - 1.
  std::size_t roll(std::size_t sides) {
    return std::uniform_int_distribution<std::size_t>(0, sides - 1)(engine_);
  }
  bool one_in(std::size_t sides) { return roll(sides) == 0; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rwp::tests
