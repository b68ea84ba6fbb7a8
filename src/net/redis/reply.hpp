#pragma once

#include <rwp/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::net_redis {

/// One answer of a Redis server (RESP 2).
struct Reply {
  enum class Kind : std::uint8_t { nil, status, error, integer, text, array };

  bool is_nil() const noexcept { return kind == Kind::nil; }
  bool is_error() const noexcept { return kind == Kind::error; }
  bool is_array() const noexcept { return kind == Kind::array; }

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  /// Of a status, an error or a text; bytes as they came.
  std::string text{};
  /// Of an array.
  std::vector<Reply> items{};
};

/// What an error answer says, by its first word.
enum class AnswerError : std::uint8_t {
  none,             ///< Not an error.
  other,            ///< Any that is not named here.
  loading,          ///< The server reads its data; it will answer soon.
  read_only,        ///< A replica; writes belong elsewhere.
  moved,            ///< MOVED, ASK: a cluster keeps the key on another server.
  cross_slot,       ///< Keys of one command in several slots of a cluster.
  cluster_down,     ///< CLUSTERDOWN, TRYAGAIN: a cluster that cannot answer for this key now.
  no_script,        ///< EVALSHA of a script that the server has not, or no more.
  no_auth,          ///< NOAUTH, WRONGPASS.
  no_permission,    ///< NOPERM: the ACL refuses the command, a key or a channel.
  wrong_type,       ///< The key holds another type.
  out_of_memory,    ///< OOM: `maxmemory` is reached and nothing may be evicted.
  busy,             ///< A script runs for too long.
  cannot_persist,   ///< MISCONF, NOREPLICAS: the server refuses writes that it cannot keep.
  master_down,      ///< MASTERDOWN: a replica that has lost its master.
  aborted,          ///< EXECABORT: a transaction with a broken command.
  unknown_command,  ///< No such command, on this version or for this configuration.
};

/// `none` for an answer that is no error.
AnswerError answer_error(const Reply& reply);

/// The answer as an Error; `command` is named in it, its arguments never: neither does the text
/// that the server repeats of them. `reply` is an error.
Error to_error(const Reply& reply, std::string_view command);

}  // namespace rwp::net_redis
