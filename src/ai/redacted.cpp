#include "ai/decorator.hpp"
#include "ai/personal_data.hpp"
#include <rwp/ai/redacted.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

constexpr std::size_t kLongestPlaceholder = 48;
constexpr std::array<const char*, 4> kKinds = {"EMAIL", "PHONE", "ADDRESS", "NAME"};

std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> parts;
  while (!name.empty()) {
    const auto end = std::min(name.find(' '), name.size());
    if (end >= 3) parts.push_back(name.substr(0, end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return parts.size() > 1 ? parts : std::vector<std::string_view>();
}

/// As it stands between a JSON string's quotes.
std::string within_json(const std::string& text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

/// Of overlapping spans the one that was found first counts: kinds are looked for in their order.
std::vector<PersonalSpan> without_overlaps(std::vector<PersonalSpan> spans) {
  std::stable_sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  std::vector<PersonalSpan> kept;
  for (const auto& span : spans) {
    if (!kept.empty() && span.begin < kept.back().end) {
      // What sticks out is personal as well.
      kept.back().end = std::max(kept.back().end, span.end);
      continue;
    }
    kept.push_back(span);
  }
  return kept;
}

}  // namespace

Redaction::Redaction(RedactOptions options, std::vector<std::string> words,
                     const std::vector<std::string_view>& texts)
    : options_(options), words_(std::move(words)) {
  const auto stands_there = [&] {
    return std::any_of(texts.begin(), texts.end(), [&](std::string_view text) {
      return std::any_of(kKinds.begin(), kKinds.end(), [&](const char* kind) {
        return text.find("[" + (kind + salt_) + "_") != std::string_view::npos;
      });
    });
  };
  if (stands_there()) {
    // A text cannot hold its own digest.
    std::string all;
    for (const auto text : texts) all += text;
    salt_ = to_hex(sha256(all)).substr(0, 8);
  }
  // The longest first, so that a name goes before its parts.
  std::stable_sort(words_.begin(), words_.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redaction::placeholder_of(const char* kind, std::string_view original) {
  auto [place, fresh] = placeholders_.try_emplace(std::string(kind) + '\n' + std::string(original));
  if (fresh) {
    place->second = "[" + (kind + salt_) + "_" + std::to_string(++counts_[kind]) + "]";
    originals_.emplace(place->second, std::string(original));
  }
  return place->second;
}

std::string Redaction::hide(std::string_view text) {
  std::vector<PersonalSpan> spans;
  if (options_.emails) find_emails(text, spans);
  if (options_.addresses) find_addresses(text, spans);
  if (options_.phones) find_phones(text, spans);
  for (const auto& word : words_) {
    find_word(text, word, false, spans);
    for (const auto part : parts_of(word)) find_word(text, part, true, spans);
  }
  std::string hidden;
  std::size_t at = 0;
  for (const auto& span : without_overlaps(std::move(spans))) {
    hidden += text.substr(at, span.begin - at);
    hidden += placeholder_of(span.kind, text.substr(span.begin, span.end - span.begin));
    at = span.end;
  }
  hidden += text.substr(at);
  return hidden;
}

std::string Redaction::restore(std::string_view text, bool json) const {
  std::string restored;
  while (!text.empty()) {
    const auto bracket = std::min(text.find('['), text.size());
    restored += text.substr(0, bracket);
    text.remove_prefix(bracket);
    if (text.empty()) break;
    const auto end = text.substr(0, kLongestPlaceholder).find(']');
    const auto found =
        end == std::string_view::npos ? originals_.end() : originals_.find(text.substr(0, end + 1));
    if (found == originals_.end()) {
      restored += '[';
      text.remove_prefix(1);
      continue;
    }
    restored += json ? within_json(found->second) : found->second;
    text.remove_prefix(found->first.size());
  }
  return restored;
}

std::string Redaction::restore_piece(std::string_view piece, bool json) {
  kept_back_ += piece;
  const auto bracket = kept_back_.rfind('[');
  std::size_t ready = kept_back_.size();
  if (bracket != std::string::npos) {
    const auto tail = std::string_view(kept_back_).substr(bracket);
    const auto next = originals_.lower_bound(tail);
    const bool may_go_on = next != originals_.end() && next->first.size() > tail.size() &&
                           next->first.starts_with(tail);
    if (may_go_on) ready = bracket;
  }
  std::string restored = restore(std::string_view(kept_back_).substr(0, ready), json);
  kept_back_.erase(0, ready);
  return restored;
}

std::string Redaction::restore_rest(bool json) {
  std::string restored = restore(kept_back_, json);
  kept_back_.clear();
  return restored;
}

namespace {

class RedactedModel final : public Decorator {
 public:
  RedactedModel(std::shared_ptr<Model> inner, RedactOptions options)
      : Decorator(std::move(inner)), options_(options) {}

 private:
  /// Hides what the request says, and its list of words as well.
  std::shared_ptr<Redaction> hide(ChatRequest& request) const {
    std::vector<std::string_view> texts;
    for (const auto& message : request.messages) {
      texts.emplace_back(message.content);
      for (const auto& call : message.tool_calls) texts.emplace_back(call.arguments);
    }
    auto redaction =
        std::make_shared<Redaction>(options_, std::move(request.personal_words), texts);
    request.personal_words.clear();
    for (auto& message : request.messages) {
      message.content = redaction->hide(message.content);
      for (auto& call : message.tool_calls) call.arguments = redaction->hide(call.arguments);
    }
    return redaction;
  }

  static void restore(const Redaction& redaction, ChatReply& reply, bool json) {
    reply.content = redaction.restore(reply.content, json);
    for (auto& call : reply.tool_calls) call.arguments = redaction.restore(call.arguments, true);
  }

  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    const auto redaction = hide(request);
    const bool json = request.output_schema.has_value();
    auto reply = co_await pass_chat(inner(), std::move(request));
    if (reply && !redaction->is_empty()) {
      restore(*redaction, *reply, json);
    }
    co_return reply;
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    const auto redaction = hide(request);
    if (redaction->is_empty()) {
      co_return co_await pass_stream(inner(), std::move(request), std::move(on_delta));
    }
    const bool json = request.output_schema.has_value();
    const auto shared = std::make_shared<OnDelta>(std::move(on_delta));
    OnDelta restoring = [redaction, shared, json](std::string_view piece) {
      const std::string restored = redaction->restore_piece(piece, json);
      return restored.empty() || (*shared)(restored);
    };
    auto reply = co_await pass_stream(inner(), std::move(request), std::move(restoring));
    if (!reply) co_return reply;
    const std::string rest = redaction->restore_rest(json);
    if (!rest.empty() && !(*shared)(rest)) {
      co_return Error(Errc::cancelled, "the stream was ended by its reader");
    }
    restore(*redaction, *reply, json);
    co_return reply;
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    const std::vector<std::string_view> texts(request.inputs.begin(), request.inputs.end());
    Redaction redaction(options_, std::move(request.personal_words), texts);
    request.personal_words.clear();
    for (auto& input : request.inputs) input = redaction.hide(input);
    return pass_embed(inner(), std::move(request));
  }

  const RedactOptions options_;
};

}  // namespace

std::shared_ptr<Model> make_redacted(std::shared_ptr<Model> model, RedactOptions options) {
  return std::make_shared<RedactedModel>(std::move(model), options);
}

}  // namespace rwp::ai
