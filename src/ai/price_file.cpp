#include <rwp/ai/price_file.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::ai {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxPrices = 5'000;
constexpr double kMicro = 1e6;

Error wrong(const std::string& place, const std::string& rule) {
  return {Errc::invalid_argument, "price list: " + place + " " + rule};
}

Result<std::int64_t> read_price(JsonView object, const std::string& place, std::string_view name,
                                std::optional<std::int64_t> absent) {
  const std::string where = place + "." + std::string(name);
  const auto member = object.find(name);
  if (!member) {
    if (absent) return *absent;
    return wrong(where, "is missing");
  }
  const auto dollars = member->as_double();
  if (!dollars || !(*dollars >= 0) || *dollars > kMicro) {
    return wrong(where, "is not a number from 0 to 1000000");
  }
  const double micro = std::round(*dollars * kMicro);
  if (std::abs(micro - *dollars * kMicro) > 1e-3) return wrong(where, "has over six decimals");
  return static_cast<std::int64_t>(micro);
}

/// "2026-07-30".
std::optional<std::chrono::system_clock::time_point> read_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t begin, std::size_t count) {
    int value = 0;
    for (const char c : text.substr(begin, count)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  if (year < 0 || month < 0 || day < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

Result<void> check_members(JsonView object, const std::string& place,
                           std::initializer_list<std::string_view> known) {
  std::string unknown;
  object.each_member([&](std::string_view name, JsonView) {
    if (std::find(known.begin(), known.end(), name) == known.end()) unknown = name;
    return unknown.empty();
  });
  if (unknown.empty()) return {};
  return wrong(place + "." + unknown.substr(0, 40), "is unknown");
}

Result<LongContextPrice> read_long_context(JsonView object, const std::string& place) {
  if (object.kind() != JsonKind::object) return wrong(place, "is not an object");
  auto checked = check_members(object, place, {"above_tokens", "input", "cached_input", "output"});
  if (!checked) return checked.error();
  const auto above = object.find("above_tokens");
  const auto tokens = above ? above->as_int64() : std::nullopt;
  if (!tokens || *tokens < 1) return wrong(place + ".above_tokens", "is not a number above 0");
  const auto input = read_price(object, place, "input", std::nullopt);
  if (!input) return input.error();
  const auto output = read_price(object, place, "output", std::nullopt);
  if (!output) return output.error();
  const auto cached = read_price(object, place, "cached_input", -1);
  if (!cached) return cached.error();
  LongContextPrice price;
  price.above_input_tokens = *tokens;
  price.input_micro_usd = *input;
  price.output_micro_usd = *output;
  price.cached_input_micro_usd = *cached;
  return price;
}

Result<void> read_words(JsonView object, const std::string& place, ModelPrice& price) {
  const auto model = object.find("model");
  const auto name = model ? model->as_string() : std::nullopt;
  if (!name || name->empty() || name->size() > 256) {
    return wrong(place + ".model", "is not 1 to 256 bytes");
  }
  price.pattern = std::string(*name);
  if (const auto tier = object.find("tier")) {
    constexpr std::array<std::string_view, 4> kTiers = {"standard", "batch", "flex", "priority"};
    const auto word = tier->as_string();
    if (!word || std::find(kTiers.begin(), kTiers.end(), *word) == kTiers.end()) {
      return wrong(place + ".tier", "is not standard, batch, flex or priority");
    }
    price.tier = std::string(*word);
  }
  if (const auto from = object.find("valid_from")) {
    const auto word = from->as_string();
    const auto date = word ? read_date(*word) : std::nullopt;
    if (!date) return wrong(place + ".valid_from", "is not a date such as 2026-07-30");
    price.valid_from = *date;
  }
  return {};
}

Result<ModelPrice> read_entry(JsonView object, const std::string& place) {
  if (object.kind() != JsonKind::object) return wrong(place, "is not an object");
  auto checked = check_members(object, place,
                               {"model", "tier", "valid_from", "input", "cached_input",
                                "cache_write", "output", "long_context"});
  if (!checked) return checked.error();
  ModelPrice price;
  if (auto read = read_words(object, place, price); !read) return read.error();
  const auto input = read_price(object, place, "input", std::nullopt);
  if (!input) return input.error();
  const auto output = read_price(object, place, "output", std::nullopt);
  if (!output) return output.error();
  const auto cached = read_price(object, place, "cached_input", -1);
  if (!cached) return cached.error();
  const auto written = read_price(object, place, "cache_write", -1);
  if (!written) return written.error();
  price.input_micro_usd = *input;
  price.output_micro_usd = *output;
  price.cached_input_micro_usd = *cached;
  price.cache_write_micro_usd = *written;
  if (const auto beyond = object.find("long_context")) {
    auto read = read_long_context(*beyond, place + ".long_context");
    if (!read) return read.error();
    price.long_context = *read;
  }
  return price;
}

}  // namespace

Result<std::vector<ModelPrice>> parse_prices(std::string text) {
  if (text.size() > kMaxBytes) return wrong("the text", "is larger than 1 MiB");
  auto parsed = JsonText::parse(std::move(text));
  if (!parsed) return wrong("the text", "is no JSON: " + parsed.error().message());
  const JsonDocument document(*parsed);
  const JsonView root = document.root();
  const auto list = root.find("prices");
  if (!list || list->kind() != JsonKind::array) return wrong("prices", "is not an array");
  if (list->size() > kMaxPrices) return wrong("prices", "has more than 5000 entries");
  std::vector<ModelPrice> prices;
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto entry = read_entry(list->at(i), "prices[" + std::to_string(i) + "]");
    if (!entry) return entry.error();
    prices.push_back(std::move(*entry));
  }
  // What stands twice, or has no standard price, is told here and not at the first call.
  if (auto table = PriceTable::make(prices); !table) return table.error();
  return prices;
}

}  // namespace rwp::ai
