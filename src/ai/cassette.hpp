#pragma once

#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <string>

namespace rwp::ai {

/// A line of a cassette: what was asked, and what came of it.
JsonText cassette_line(const std::string& key, const std::string& model, const ChatRequest& request,
                       const Result<ChatReply>& outcome);
JsonText cassette_line(const std::string& key, const std::string& model,
                       const EmbedRequest& request, const Result<EmbedReply>& outcome);

/// A line that was read; one of the two outcomes is meant.
struct CassetteEntry {
  std::string key{};
  bool embedding = false;
  Result<ChatReply> chat{ChatReply()};
  Result<EmbedReply> embed{EmbedReply()};
};

/// `Errc::corrupt`: it is no line of a cassette.
Result<CassetteEntry> read_cassette_line(const JsonText& line);

}  // namespace rwp::ai
