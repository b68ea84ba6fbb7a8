#pragma once

#include <rwp/ai/price_table.hpp>
#include <rwp/core/error.hpp>

#include <string>
#include <vector>

namespace rwp::ai {

/// Reads a price list, in US dollars for a million tokens:
///
///     {"prices": [{"model": "gpt-5*", "input": 1.25, "cached_input": 0.125, "output": 10,
///                  "cache_write": 1.5, "tier": "standard", "valid_from": "2026-07-30",
///                  "long_context": {"above_tokens": 272000, "input": 2.5, "output": 15}}]}
///
/// `model`, `input` and `output` are needed. `Errc::invalid_argument` names the place
/// (`prices[3].input`) and the rule: no JSON, more than 1 MiB or 5,000 prices, a member that is
/// unknown or missing, a price that is not 0 to 1,000,000 with at most six decimals, a date that is
/// none, and what PriceTable::make() refuses.
Result<std::vector<ModelPrice>> parse_prices(std::string text);

}  // namespace rwp::ai
