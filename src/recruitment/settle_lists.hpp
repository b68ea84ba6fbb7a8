#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::recruitment {

/// Lines of at most `bytes`, the first `most`, each once.
std::vector<std::string> settle_texts(const std::vector<std::string>& texts, std::size_t most,
                                      std::size_t bytes);

/// technical, tools, methods, soft, domain or languages; "other" for anything else.
std::string settle_category(std::string_view category);

}  // namespace rwp::recruitment
