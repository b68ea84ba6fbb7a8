#include "ai_openai/member_sum.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace rwp::ai_openai {
namespace {

// `obfuscation` is padding.
constexpr std::array<std::string_view, 9> kRootKnown{
    "choices", "created", "error", "id", "model", "object", "service_tier", "usage", "obfuscation"};
constexpr std::array<std::string_view, 6> kChoiceKnown{"delta",    "finish_reason", "index",
                                                       "logprobs", "message",       "obfuscation"};
constexpr std::array<std::string_view, 4> kMessageKnown{"content", "refusal", "role", "tool_calls"};

}  // namespace

void MemberSum::take(JsonView object, std::span<const std::string_view> known, bool join) {
  object.each_member([&](std::string_view name, JsonView value) {
    const bool empty_list = value.kind() == JsonKind::array && value.size() == 0;
    if (value.is_null() || empty_list ||
        std::find(known.begin(), known.end(), name) != known.end()) {
      return true;
    }
    auto found = members_.find(name);
    if (found == members_.end()) {
      found = members_.emplace(std::string(name), Member()).first;
      bytes_ += name.size();
    }
    take_member(found->second, value, join);
    return true;
  });
}

void MemberSum::take_member(Member& member, JsonView value, bool join) {
  if (!join || value.kind() != member.kind) {
    bytes_ -= member.bytes;
    member = Member();
    member.kind = value.kind();
  }
  const std::size_t before = member.bytes;
  if (const auto text = value.as_string()) {
    member.text += *text;
    member.bytes += text->size();
  } else if (value.kind() == JsonKind::array) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      member.elements.push_back(value.at(i).text());
      member.bytes += member.elements.back().size();
    }
  } else {
    member.value = value.text();
    member.bytes = member.value.size();
  }
  bytes_ = bytes_ + member.bytes - before;
}

void MemberSum::write(JsonWriter& out) const {
  for (const auto& [name, member] : members_) {
    out.key(name);
    if (member.kind == JsonKind::string) {
      out.value(std::string_view(member.text));
    } else if (member.kind == JsonKind::array) {
      out.begin_array();
      for (const auto& element : member.elements) out.value(element);
      out.end_array();
    } else {
      out.value(member.value);
    }
  }
}

void AnswerExtras::take_root(JsonView root) {
  // What each event of a stream repeats is no piece of a whole.
  root_.take(root, kRootKnown, false);
}

void AnswerExtras::take_choice(JsonView choice) {
  choice_.take(choice, kChoiceKnown, false);
  const auto logprobs = choice.find("logprobs");
  if (logprobs) logprobs_.take(*logprobs, {}, join_);
}

void AnswerExtras::take_message(JsonView message) { message_.take(message, kMessageKnown, join_); }

JsonText AnswerExtras::logprobs() const {
  if (logprobs_.empty()) return {};
  JsonWriter out;
  out.begin_object();
  logprobs_.write(out);
  out.end_object();
  return out.finish();
}

JsonText AnswerExtras::finish() const {
  if (root_.empty() && choice_.empty() && message_.empty()) return {};
  JsonWriter out;
  out.begin_object();
  root_.write(out);
  const auto part = [&](const char* name, const MemberSum& sum) {
    if (sum.empty()) return;
    out.key(name).begin_object();
    sum.write(out);
    out.end_object();
  };
  part("choice", choice_);
  part("message", message_);
  out.end_object();
  return out.finish();
}

}  // namespace rwp::ai_openai
