#pragma once

#include "ai_openai/upstream.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::ai_openai {

/// Sends a call and reads its answer, a JSON object; what is none, or carries an error, is an
/// error. `upstream` outlives the call.
boost::asio::awaitable<Result<JsonText>> call_json(Upstream& upstream, Call call);

/// A good answer that lacks what it must have: `Errc::corrupt`, worth a retry.
Error no_answer(const Upstream& upstream, std::string_view why);

/// The text under `name`; empty for other kinds, and when it is absent.
std::string text_member(JsonView object, std::string_view name);
/// The number under `name`; 0 for other kinds, and when it is absent or negative.
std::int64_t count_member(JsonView object, std::string_view name);

}  // namespace rwp::ai_openai
