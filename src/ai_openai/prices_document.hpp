#pragma once

namespace rwp::ai_openai {

/// What openai_prices.json held when this was built.
const char* prices_document() noexcept;

}  // namespace rwp::ai_openai
