#include "ai_openai/prices_document.hpp"
#include <rwp/ai/price_file.hpp>
#include <rwp/ai_openai/prices.hpp>

namespace rwp::ai_openai {

// A list of ours; a test reads it.
std::vector<ai::ModelPrice> openai_prices() { return ai::parse_prices(prices_document()).value(); }

}  // namespace rwp::ai_openai
