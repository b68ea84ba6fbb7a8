#pragma once

#include <rwp/ai/model.hpp>

#include <string>
#include <string_view>

namespace rwp::ai {

/// What makes two calls the same: 64 hex digits of SHA-256 over the whole request in one canonical
/// form, the model that is to answer, and `scope` (a tenant, an upstream).
///
/// Taken: of a WireCall its canonical_wire() and whether it is streamed; else messages, schema (as
/// it is written, but for white space) and its name, temperature, output limit; of embeddings the
/// inputs and dimensions. Left out, as they change no answer: who asks, what for, priority,
/// deadline, trace, and whether the answer is streamed.
std::string call_key(const ChatRequest& request, std::string_view model, std::string_view scope);
std::string call_key(const EmbedRequest& request, std::string_view model, std::string_view scope);

}  // namespace rwp::ai
