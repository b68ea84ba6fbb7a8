#pragma once

#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_openai {

/// Gathers members of objects that come one after another, as the events of a stream do. Texts and
/// lists may be joined; of other values the last counts. Null and empty lists say nothing.
class MemberSum {
 public:
  /// Takes the members of `object` but those of the names in `known`.
  void take(JsonView object, std::span<const std::string_view> known, bool join);

  bool empty() const noexcept { return members_.empty(); }
  /// About what write() adds.
  std::size_t bytes() const noexcept { return bytes_; }
  void write(JsonWriter& out) const;

 private:
  struct Member {
    JsonKind kind = JsonKind::null;
    std::string text{};
    std::vector<JsonText> elements{};
    JsonText value{};
    std::size_t bytes = 0;
  };
  void take_member(Member& member, JsonView value, bool join);

  std::map<std::string, Member, std::less<>> members_;
  std::size_t bytes_ = 0;
};

/// What an answer says beyond what ChatReply has members for.
class AnswerExtras {
 public:
  /// `join`: these are pieces of a stream.
  explicit AnswerExtras(bool join = false) : join_(join) {}

  void take_root(JsonView root);
  void take_choice(JsonView choice);
  /// The message, or a stream's delta.
  void take_message(JsonView message);

  std::size_t bytes() const noexcept {
    return root_.bytes() + choice_.bytes() + message_.bytes() + logprobs_.bytes();
  }
  /// As ChatReply::logprobs and ChatReply::extra_fields have them.
  JsonText logprobs() const;
  JsonText finish() const;

 private:
  const bool join_;
  MemberSum root_;
  MemberSum choice_;
  MemberSum message_;
  MemberSum logprobs_;
};

}  // namespace rwp::ai_openai
