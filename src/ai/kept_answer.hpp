#pragma once

#include <rwp/ai/model.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai {

/// An answer as a cache keeps it. Reading gives none for what is not in this form.
std::string write_answer(const ChatReply& reply);
std::string write_answer(const EmbedReply& reply);
std::optional<ChatReply> read_chat_answer(std::string_view kept);
std::optional<EmbedReply> read_embed_answer(std::string_view kept);

}  // namespace rwp::ai
