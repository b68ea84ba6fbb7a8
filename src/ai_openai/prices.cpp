#include <rwp/ai_openai/prices.hpp>

#include <array>
#include <cstdint>

namespace rwp::ai_openai {
namespace {

/// Thousandths of a dollar for a million tokens; cached: negative where there is no such price.
struct Row {
  const char* pattern;
  std::int64_t input;
  std::int64_t cached;
  std::int64_t output;
};

constexpr std::array<Row, 32> kRows{{
    {"gpt-5.6*", 5'000, 500, 30'000},
    {"gpt-5.6-terra*", 2'000, 200, 12'000},
    {"gpt-5.6-luna*", 200, 20, 1'200},
    {"gpt-5.5*", 5'000, 500, 30'000},
    {"gpt-5.5-pro*", 30'000, -1, 180'000},
    {"gpt-5.4*", 2'500, 250, 15'000},
    {"gpt-5.4-mini*", 750, 75, 4'500},
    {"gpt-5.4-nano*", 200, 20, 1'250},
    {"gpt-5.4-pro*", 30'000, -1, 180'000},
    {"gpt-5.2*", 1'750, 175, 14'000},
    {"gpt-5.2-pro*", 21'000, -1, 168'000},
    {"gpt-5*", 1'250, 125, 10'000},
    {"gpt-5-mini*", 250, 25, 2'000},
    {"gpt-5-nano*", 50, 5, 400},
    {"gpt-5-pro*", 15'000, -1, 120'000},
    {"gpt-4.1*", 2'000, 500, 8'000},
    {"gpt-4.1-mini*", 400, 100, 1'600},
    {"gpt-4.1-nano*", 100, 25, 400},
    {"gpt-4o*", 2'500, 1'250, 10'000},
    {"gpt-4o-mini*", 150, 75, 600},
    {"o3*", 2'000, 500, 8'000},
    {"o3-pro*", 20'000, -1, 80'000},
    {"o3-mini*", 1'100, 550, 4'400},
    {"o4-mini*", 1'100, 275, 4'400},
    {"o1*", 15'000, 7'500, 60'000},
    {"o1-pro*", 150'000, -1, 600'000},
    {"gpt-3.5-turbo*", 500, -1, 1'500},
    {"text-embedding-3-small*", 20, -1, 0},
    {"text-embedding-3-large*", 130, -1, 0},
    {"text-embedding-ada-002*", 100, -1, 0},
    {"omni-moderation*", 0, -1, 0},
    {"rwp-local", 0, -1, 0},
}};

}  // namespace

std::vector<ai::ModelPrice> openai_prices() {
  constexpr std::int64_t kMicro = 1'000;
  std::vector<ai::ModelPrice> prices;
  for (const auto& row : kRows) {
    ai::ModelPrice price;
    price.pattern = row.pattern;
    price.input_micro_usd = row.input * kMicro;
    price.output_micro_usd = row.output * kMicro;
    price.cached_input_micro_usd = row.cached < 0 ? -1 : row.cached * kMicro;
    prices.push_back(std::move(price));
  }
  return prices;
}

}  // namespace rwp::ai_openai
