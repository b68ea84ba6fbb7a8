#pragma once

#include <rwp/ai/price_table.hpp>

#include <vector>

namespace rwp::ai_openai {

/// OpenAI's list prices of its standard tier, as of August 2026, for ai::PriceTable::make(). The
/// higher prices of very long requests and of other tiers are not in it.
std::vector<ai::ModelPrice> openai_prices();

}  // namespace rwp::ai_openai
