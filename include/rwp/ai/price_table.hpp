#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/usage_ledger.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai {

/// What a model costs, in millionths of a US dollar for a million tokens: 150,000 is $0.15.
struct ModelPrice {
  /// A model's name, or the beginning of one and a `*`; the longest that fits counts.
  std::string pattern{};
  std::int64_t input_micro_usd = 0;
  std::int64_t output_micro_usd = 0;
  /// Input that the provider had cached; negative: as other input.
  std::int64_t cached_input_micro_usd = -1;
};

/// What calls cost. Threads: a value, safe to share.
class PriceTable {
 public:
  /// What a call costs, and whether its model stands in the table.
  struct Price {
    Money cost{};
    bool known = false;
  };

  /// Only "rwp-local", which is free; every other model costs what `kUnknown…` says.
  PriceTable();

  /// `entries` and, when they do not name it, "rwp-local". `Errc::invalid_argument`: an empty
  /// pattern, a `*` that is not its end, a pattern twice, a price below 0 or above $1,000,000.
  static Result<PriceTable> make(std::vector<ModelPrice> entries);

  /// The cost, rounded up to a millionth of a dollar. A model that no entry fits is never free: it
  /// costs what the dearest entry takes, input and output each for itself, and at least
  /// `kUnknownInputMicroUsd` and `kUnknownOutputMicroUsd`.
  Price price(std::string_view model, const TokenUsage& usage) const;

  static constexpr std::int64_t kUnknownInputMicroUsd = 15'000'000;
  static constexpr std::int64_t kUnknownOutputMicroUsd = 60'000'000;

 private:
  const ModelPrice* find(std::string_view model) const;

  std::vector<ModelPrice> entries_;
  ModelPrice unknown_;
};

}  // namespace rwp::ai
