#include <rwp/ai/wire.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace rwp::ai {
namespace {

constexpr std::array<std::string_view, 9> kNoMatter = {"metadata",
                                                       "model",
                                                       "prompt_cache_key",
                                                       "prompt_cache_retention",
                                                       "safety_identifier",
                                                       "store",
                                                       "stream",
                                                       "stream_options",
                                                       "user"};

}  // namespace

std::string canonical_wire(const WireCall& call) {
  const JsonDocument document(call.body);
  std::string out;
  out.reserve(call.body.size() + 2);
  // Sorted by name, without white space.
  document.root().each_member([&out](std::string_view name, JsonView value) {
    const bool matters = std::find(kNoMatter.begin(), kNoMatter.end(), name) == kNoMatter.end();
    if (!matters || value.is_null()) return true;
    out += out.empty() ? '{' : ',';
    append_json_string(out, name);
    out += ':';
    out += value.text().view();
    return true;
  });
  out += out.empty() ? "{}" : "}";
  return out;
}

}  // namespace rwp::ai
