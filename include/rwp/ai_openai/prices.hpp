#pragma once

#include <rwp/ai/price_table.hpp>

#include <vector>

namespace rwp::ai_openai {

/// OpenAI's list prices as of August 2026, for ai::PriceTable::make(): standard and batch, flex and
/// priority where they are known, and what very long requests cost. The file that they come from is
/// installed as share/rwp/openai_prices.json: copy it, change it, read it by ai::parse_prices().
std::vector<ai::ModelPrice> openai_prices();

}  // namespace rwp::ai_openai
