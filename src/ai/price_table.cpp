#include <rwp/ai/price_table.hpp>

#include <algorithm>
#include <set>
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

Result<void> check(const ModelPrice& entry) {
  const auto star = entry.pattern.find('*');
  if (entry.pattern.empty() || (star != std::string::npos && star + 1 != entry.pattern.size())) {
    return Error(Errc::invalid_argument,
                 "price pattern \"" + entry.pattern + "\" is not a name with at most a final *");
  }
  const auto in_range = [](std::int64_t price) { return price >= 0 && price <= kDearestTaken; };
  if (!in_range(entry.input_micro_usd) || !in_range(entry.output_micro_usd) ||
      entry.cached_input_micro_usd > kDearestTaken) {
    return Error(Errc::invalid_argument,
                 "price of \"" + entry.pattern + "\" is not between $0 and $1,000,000");
  }
  return {};
}

}  // namespace

PriceTable::PriceTable() {
  entries_.push_back({.pattern = "rwp-local"});
  unknown_.input_micro_usd = kUnknownInputMicroUsd;
  unknown_.output_micro_usd = kUnknownOutputMicroUsd;
}

Result<PriceTable> PriceTable::make(std::vector<ModelPrice> entries) {
  PriceTable table;
  std::set<std::string> seen;
  for (const auto& entry : entries) {
    if (auto checked = check(entry); !checked) return checked.error();
    if (!seen.insert(entry.pattern).second) {
      return Error(Errc::invalid_argument, "price pattern \"" + entry.pattern + "\" stands twice");
    }
    table.unknown_.input_micro_usd =
        std::max(table.unknown_.input_micro_usd, entry.input_micro_usd);
    table.unknown_.output_micro_usd =
        std::max(table.unknown_.output_micro_usd, entry.output_micro_usd);
  }
  if (seen.contains("rwp-local")) table.entries_.clear();
  table.entries_.insert(table.entries_.end(), std::make_move_iterator(entries.begin()),
                        std::make_move_iterator(entries.end()));
  return table;
}

const ModelPrice* PriceTable::find(std::string_view model) const {
  const ModelPrice* best = nullptr;
  for (const auto& entry : entries_) {
    if (!fits(entry.pattern, model)) continue;
    // A full name is at least as long as any beginning of it that fits, but for the star.
    const bool exact = !entry.pattern.ends_with('*');
    if (exact) return &entry;
    if (best == nullptr || entry.pattern.size() > best->pattern.size()) best = &entry;
  }
  return best;
}

PriceTable::Price PriceTable::price(std::string_view model, const TokenUsage& usage) const {
  const ModelPrice* found = find(model);
  const ModelPrice& entry = found != nullptr ? *found : unknown_;
  const std::int64_t cached = std::clamp<std::int64_t>(
      usage.cached_input_tokens, 0, std::max<std::int64_t>(usage.input_tokens, 0));
  const std::int64_t cached_price =
      entry.cached_input_micro_usd < 0 ? entry.input_micro_usd : entry.cached_input_micro_usd;
  Amount amount;
  amount.add(usage.input_tokens - cached, entry.input_micro_usd);
  amount.add(cached, cached_price);
  amount.add(usage.output_tokens, entry.output_micro_usd);
  return {.cost = amount.rounded_up(), .known = found != nullptr};
}

}  // namespace rwp::ai
