#include <rwp/ai/price_table.hpp>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace rwp::ai {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kDearestTaken = kMillion * kMillion;

bool fits(const std::string& pattern, std::string_view model) {
  if (!pattern.ends_with('*')) return pattern == model;
  return model.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

/// Tokens times a price for a million of them, as whole micro dollars and millionths of those, so
/// that nothing overflows and a call of several parts is rounded once.
struct Amount {
  std::int64_t whole = 0;
  std::int64_t millionths = 0;

  void add(std::int64_t tokens, std::int64_t price_per_million) {
    tokens = std::max<std::int64_t>(tokens, 0);
    whole += tokens / kMillion * price_per_million;
    const std::int64_t rest = tokens % kMillion * price_per_million;  // Below 10^18.
    whole += rest / kMillion;
    millionths += rest % kMillion;
  }
  Money rounded_up() const { return {whole + (millionths + kMillion - 1) / kMillion}; }
};

std::string_view tier_name(std::string_view tier) {
  return tier.empty() || tier == "default" || tier == "auto" ? "standard" : tier;
}

bool in_range(std::int64_t price) { return price >= 0 && price <= kDearestTaken; }

Result<void> check(const ModelPrice& entry) {
  const auto star = entry.pattern.find('*');
  if (entry.pattern.empty() || (star != std::string::npos && star + 1 != entry.pattern.size())) {
    return Error(Errc::invalid_argument,
                 "price pattern \"" + entry.pattern + "\" is not a name with at most a final *");
  }
  const LongContextPrice& beyond = entry.long_context;
  const bool priced = in_range(entry.input_micro_usd) && in_range(entry.output_micro_usd) &&
                      in_range(beyond.input_micro_usd) && in_range(beyond.output_micro_usd) &&
                      entry.cached_input_micro_usd <= kDearestTaken &&
                      entry.cache_write_micro_usd <= kDearestTaken &&
                      beyond.cached_input_micro_usd <= kDearestTaken;
  if (!priced) {
    return Error(Errc::invalid_argument,
                 "price of \"" + entry.pattern + "\" is not between $0 and $1,000,000");
  }
  if (beyond.above_input_tokens < 0) {
    return Error(Errc::invalid_argument,
                 "price of \"" + entry.pattern + "\" has a threshold below 0");
  }
  return {};
}

/// Every pattern has a standard price, since the other tiers fall back to it.
Result<void> check_tiers(const std::vector<ModelPrice>& entries) {
  std::set<std::string> standard;
  std::set<std::tuple<std::string, std::string, std::chrono::system_clock::time_point>> seen;
  for (const auto& entry : entries) {
    const std::string tier(tier_name(entry.tier));
    if (tier == "standard") standard.insert(entry.pattern);
    if (!seen.insert({entry.pattern, tier, entry.valid_from}).second) {
      return Error(Errc::invalid_argument, "price pattern \"" + entry.pattern + "\" stands twice");
    }
  }
  for (const auto& entry : entries) {
    if (standard.contains(entry.pattern)) continue;
    return Error(Errc::invalid_argument,
                 "price pattern \"" + entry.pattern + "\" has no standard price");
  }
  return {};
}

/// A price doubled, for a tier that nothing is known of.
void double_prices(ModelPrice& entry) {
  const auto twice = [](std::int64_t& price) { price = price < 0 ? price : 2 * price; };
  twice(entry.input_micro_usd);
  twice(entry.output_micro_usd);
  twice(entry.cached_input_micro_usd);
  twice(entry.cache_write_micro_usd);
  twice(entry.long_context.input_micro_usd);
  twice(entry.long_context.output_micro_usd);
  twice(entry.long_context.cached_input_micro_usd);
}

Money cost_of(const ModelPrice& entry, const TokenUsage& usage) {
  const auto input = std::max<std::int64_t>(usage.input_tokens, 0);
  const auto cached = std::clamp<std::int64_t>(usage.cached_input_tokens, 0, input);
  const auto written = std::clamp<std::int64_t>(usage.cache_write_tokens, 0, input - cached);
  const LongContextPrice& beyond = entry.long_context;
  const bool is_long = beyond.above_input_tokens > 0 && input > beyond.above_input_tokens;
  const std::int64_t price_in = is_long ? beyond.input_micro_usd : entry.input_micro_usd;
  const std::int64_t price_out = is_long ? beyond.output_micro_usd : entry.output_micro_usd;
  const std::int64_t price_cached =
      is_long ? beyond.cached_input_micro_usd : entry.cached_input_micro_usd;
  const std::int64_t price_written = std::max(entry.cache_write_micro_usd, price_in);
  Amount amount;
  amount.add(input - cached - written, price_in);
  amount.add(cached, price_cached < 0 ? price_in : price_cached);
  amount.add(written, entry.cache_write_micro_usd < 0 ? price_in : price_written);
  amount.add(usage.output_tokens, price_out);
  return amount.rounded_up();
}

}  // namespace

PriceTable::PriceTable() {
  ModelPrice local;
  local.pattern = "rwp-local";
  entries_.push_back(std::move(local));
  unknown_.input_micro_usd = kUnknownInputMicroUsd;
  unknown_.output_micro_usd = kUnknownOutputMicroUsd;
}

Result<PriceTable> PriceTable::make(std::vector<ModelPrice> entries) {
  PriceTable table;
  bool names_local = false;
  for (const auto& entry : entries) {
    if (auto checked = check(entry); !checked) return checked.error();
    names_local = names_local || entry.pattern == "rwp-local";
    ModelPrice& unknown = table.unknown_;
    unknown.input_micro_usd =
        std::max({unknown.input_micro_usd, entry.input_micro_usd, entry.cache_write_micro_usd,
                  entry.long_context.input_micro_usd});
    unknown.output_micro_usd = std::max(
        {unknown.output_micro_usd, entry.output_micro_usd, entry.long_context.output_micro_usd});
  }
  if (auto checked = check_tiers(entries); !checked) return checked.error();
  if (names_local) table.entries_.clear();
  table.entries_.insert(table.entries_.end(), std::make_move_iterator(entries.begin()),
                        std::make_move_iterator(entries.end()));
  return table;
}

const std::string* PriceTable::find_pattern(std::string_view model) const {
  const std::string* best = nullptr;
  for (const auto& entry : entries_) {
    if (!fits(entry.pattern, model)) continue;
    // A full name is at least as long as any beginning of it that fits, but for the star.
    if (!entry.pattern.ends_with('*')) return &entry.pattern;
    if (best == nullptr || entry.pattern.size() > best->size()) best = &entry.pattern;
  }
  return best;
}

const ModelPrice* PriceTable::find(std::string_view model, std::string_view tier,
                                   std::chrono::system_clock::time_point at) const {
  const std::string* pattern = find_pattern(model);
  if (pattern == nullptr) return nullptr;
  const ModelPrice* best = nullptr;
  const ModelPrice* first = nullptr;
  for (const auto& entry : entries_) {
    if (entry.pattern != *pattern || tier_name(entry.tier) != tier) continue;
    if (first == nullptr || entry.valid_from < first->valid_from) first = &entry;
    if (entry.valid_from > at) continue;
    if (best == nullptr || entry.valid_from > best->valid_from) best = &entry;
  }
  return best != nullptr ? best : first;
}

PriceTable::Price PriceTable::price(std::string_view model, const TokenUsage& usage,
                                    std::string_view tier,
                                    std::chrono::system_clock::time_point at) const {
  const std::string_view named = tier_name(tier);
  if (const ModelPrice* found = find(model, named, at)) {
    return {.cost = cost_of(*found, usage), .known = true};
  }
  const ModelPrice* standard = find(model, "standard", at);
  ModelPrice entry = standard != nullptr ? *standard : unknown_;
  if (named != "standard" && named != "flex" && named != "batch") double_prices(entry);
  return {.cost = cost_of(entry, usage), .known = standard != nullptr};
}

Money PriceTable::at_most(std::string_view model, std::int64_t input_tokens,
                          std::int64_t output_tokens, std::string_view tier) const {
  TokenUsage usage;
  usage.input_tokens = input_tokens;
  usage.output_tokens = output_tokens;
  TokenUsage written = usage;
  written.cache_write_tokens = input_tokens;
  Money most;
  for (const auto asked : {std::string_view("standard"), tier}) {
    most = std::max({most, price(model, usage, asked).cost, price(model, written, asked).cost});
  }
  return most;
}

}  // namespace rwp::ai
