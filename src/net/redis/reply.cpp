#include "net/redis/reply.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace rwp::net_redis {
namespace {

struct Word {
  std::string_view word;
  AnswerError error;
};

constexpr std::array<Word, 19> kWords = {{
    {"LOADING", AnswerError::loading},
    {"READONLY", AnswerError::read_only},
    {"MOVED", AnswerError::moved},
    {"ASK", AnswerError::moved},
    {"CROSSSLOT", AnswerError::cross_slot},
    {"CLUSTERDOWN", AnswerError::cluster_down},
    {"TRYAGAIN", AnswerError::cluster_down},
    {"NOSCRIPT", AnswerError::no_script},
    {"NOAUTH", AnswerError::no_auth},
    {"WRONGPASS", AnswerError::no_auth},
    {"NOPERM", AnswerError::no_permission},
    {"WRONGTYPE", AnswerError::wrong_type},
    {"OOM", AnswerError::out_of_memory},
    {"BUSY", AnswerError::busy},
    {"MISCONF", AnswerError::cannot_persist},
    {"NOREPLICAS", AnswerError::cannot_persist},
    {"MASTERDOWN", AnswerError::master_down},
    {"EXECABORT", AnswerError::aborted},
    {"UNBLOCKED", AnswerError::read_only},
}};

/// What may be shown of an error's text: printable, short, and without what the server repeats of
/// the command's arguments.
std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 200;
  for (const std::string_view echo : {", with args", " with args", "'", "`", "\"", "script: "}) {
    text = text.substr(0, text.find(echo));
  }
  std::string clean(text.substr(0, kMost));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  while (!clean.empty() && clean.back() == ' ') clean.pop_back();
  return clean;
}

Errc code_of(AnswerError error) {
  switch (error) {
    case AnswerError::none:
    case AnswerError::other:
      return Errc::internal;
    case AnswerError::loading:
    case AnswerError::read_only:
    case AnswerError::cluster_down:
    case AnswerError::out_of_memory:
    case AnswerError::busy:
    case AnswerError::cannot_persist:
    case AnswerError::master_down:
    case AnswerError::aborted:
      return Errc::unavailable;
    case AnswerError::moved:
    case AnswerError::cross_slot:
    case AnswerError::unknown_command:
      return Errc::unsupported;
    case AnswerError::no_script:
      return Errc::not_found;
    case AnswerError::no_auth:
      return Errc::unauthenticated;
    case AnswerError::no_permission:
      return Errc::permission_denied;
    case AnswerError::wrong_type:
      return Errc::conflict;
  }
  return Errc::internal;
}

}  // namespace

AnswerError answer_error(const Reply& reply) {
  if (!reply.is_error()) return AnswerError::none;
  const std::string_view text(reply.text);
  const std::string_view first = text.substr(0, text.find(' '));
  const auto* found = std::find_if(kWords.begin(), kWords.end(),
                                   [&](const Word& known) { return known.word == first; });
  if (found != kWords.end()) return found->error;
  // A script that the server runs into an error with may put its own text in front.
  if (text.starts_with("ERR unknown command") || text.starts_with("ERR unknown subcommand") ||
      text.starts_with("ERR Unknown subcommand")) {
    return AnswerError::unknown_command;
  }
  // What users of Redis before 6 are told.
  if (text.starts_with("ERR invalid password") || text.starts_with("ERR AUTH")) {
    return AnswerError::no_auth;
  }
  return AnswerError::other;
}

Error to_error(const Reply& reply, std::string_view command) {
  const AnswerError kind = answer_error(reply);
  std::string message = "redis: " + std::string(command) + ": " + shown(reply.text);
  // What is wrong with the command itself does not pass by itself.
  return Error(code_of(kind), std::move(message))
      .with_retryable(code_of(kind) == Errc::unavailable);
}

}  // namespace rwp::net_redis
