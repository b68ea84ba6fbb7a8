#pragma once

#include "pods/openai_fields.hpp"
#include <rwp/core/json_view.hpp>

#include <optional>
#include <string>

namespace rwp::pods {

/// The body as a document whose root is an object; none: the fault tells why. Bodies of more than
/// 100,000 JSON values are refused before a tree many times their size is built.
std::optional<JsonDocument> read_openai_body(std::string body, RequestFault& fault);

/// Reads all members of a chat request; for those who have the document already.
struct ChatCall;
void read_chat_root(JsonView root, ChatCall& call, RequestFault& fault);

}  // namespace rwp::pods
