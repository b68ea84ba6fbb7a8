#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_openai {

/// Standard alphabet, padded.
std::string encode_base64(std::string_view bytes);
/// None for what is not of that form.
std::optional<std::vector<unsigned char>> decode_base64(std::string_view text);

}  // namespace rwp::ai_openai
