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
  JsonWriter out;
  out.begin_object();
  // Sorted by name, without white space.
  document.root().each_member([&out](std::string_view name, JsonView value) {
    const bool matters = std::find(kNoMatter.begin(), kNoMatter.end(), name) == kNoMatter.end();
    if (matters && !value.is_null()) out.member(name, value.text());
    return true;
  });
  out.end_object();
  return out.finish().release();
}

}  // namespace rwp::ai
