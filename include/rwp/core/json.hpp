#pragma once

// Opt-in: includes the whole of nlohmann/json.hpp (some 2.5 s a file).

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <nlohmann/json.hpp>

namespace rwp {

/// The document as a tree.
inline nlohmann::json to_json(const JsonText& text) { return nlohmann::json::parse(text.view()); }

/// The tree as text. Strings that are not UTF-8 get replacement characters.
inline JsonText to_json_text(const nlohmann::json& tree) {
  return JsonText::trusted(tree.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace rwp
