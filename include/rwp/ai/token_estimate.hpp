#pragma once

#include <rwp/ai/model.hpp>

#include <cstdint>
#include <string_view>

namespace rwp::ai {

/// How many tokens a text takes, without a tokenizer's data: by the lengths of its words and the
/// scripts they are in.
struct TokenEstimate {
  /// As near as can be told: 5 % off or less on whole English adverts (docs/ai.md has the figures).
  std::int64_t expected = 0;
  /// What it hardly exceeds: for limits and budgets before a call.
  std::int64_t at_most = 0;

  friend bool operator==(const TokenEstimate&, const TokenEstimate&) = default;
};

/// Of a text alone. Linear in its length; `at_most` is never above its bytes.
TokenEstimate estimate_tokens(std::string_view text);

/// What a request takes as input: its texts, what stands around each message, and the schema.
TokenEstimate estimate_input(const ChatRequest& request);
TokenEstimate estimate_input(const EmbedRequest& request);

}  // namespace rwp::ai
