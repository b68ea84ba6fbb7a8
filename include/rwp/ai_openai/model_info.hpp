#pragma once

#include <string>

namespace rwp::ai_openai {

/// A model as GET /models lists it.
struct ModelInfo {
  std::string id{};
  /// Empty when the server does not tell.
  std::string owned_by{};
};

}  // namespace rwp::ai_openai
