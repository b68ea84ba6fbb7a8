#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/usage_ledger.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai {

/// What the whole of a request costs whose input is longer than a threshold.
struct LongContextPrice {
  /// 0: the model has no such price.
  std::int64_t above_input_tokens = 0;
  std::int64_t input_micro_usd = 0;
  std::int64_t output_micro_usd = 0;
  /// Negative: as other input.
  std::int64_t cached_input_micro_usd = -1;
};

/// What a model costs, in millionths of a US dollar for a million tokens: 150,000 is $0.15.
struct ModelPrice {
  /// A model's name, or the beginning of one and a `*`; the longest that fits counts.
  std::string pattern{};
  std::int64_t input_micro_usd = 0;
  std::int64_t output_micro_usd = 0;
  /// Input that the provider had cached; negative: as other input.
  std::int64_t cached_input_micro_usd = -1;
  /// Input that the provider put into its cache; negative: as other input.
  std::int64_t cache_write_micro_usd = -1;
  LongContextPrice long_context{};
  /// "standard", "batch", "flex", "priority"; empty: "standard".
  std::string tier{};
  /// From when on it holds; of several for a pattern and tier the latest that has begun counts, and
  /// before all of them the first.
  std::chrono::system_clock::time_point valid_from{};
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
  /// pattern, a `*` that is not its end, a pattern twice for one tier and time, a pattern without a
  /// standard price, a price below 0 or above $1,000,000, a threshold below 0.
  static Result<PriceTable> make(std::vector<ModelPrice> entries);

  /// The cost, rounded up to a millionth of a dollar. A model that no entry fits is never free: it
  /// costs what the dearest entry takes, input and output each for itself, and at least
  /// `kUnknownInputMicroUsd` and `kUnknownOutputMicroUsd`.
  ///
  /// `tier` is as the answer names it; "", "default" and "auto" are standard. Of the others that
  /// the table does not have, flex and batch cost as standard, unknown ones twice that.
  Price price(std::string_view model, const TokenUsage& usage, std::string_view tier = "standard",
              std::chrono::system_clock::time_point at = std::chrono::system_clock::now()) const;

  /// The most that a call can cost which takes at most so many tokens, nothing of it cached, and
  /// asks for `tier`, for which it may be answered in the standard one.
  Money at_most(std::string_view model, std::int64_t input_tokens, std::int64_t output_tokens,
                std::string_view tier = "standard") const;

  static constexpr std::int64_t kUnknownInputMicroUsd = 15'000'000;
  static constexpr std::int64_t kUnknownOutputMicroUsd = 60'000'000;

 private:
  const std::string* find_pattern(std::string_view model) const;
  const ModelPrice* find(std::string_view model, std::string_view tier,
                         std::chrono::system_clock::time_point at) const;

  std::vector<ModelPrice> entries_;
  ModelPrice unknown_;
};

}  // namespace rwp::ai
