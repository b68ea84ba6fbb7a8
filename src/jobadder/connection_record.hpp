#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/jobadder/oauth.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace rwp::jobadder {

/// What a connection's cell holds.
struct ConnectionRecord {
  std::uint64_t generation = 0;
  Tokens tokens{};
  /// Who refreshes, and until when nobody else does; empty: nobody.
  std::string lease_holder{};
  std::chrono::system_clock::time_point lease_until{};
  /// Why somebody must sign in again; empty: nobody must.
  std::string broken{};
};

/// `name`: of the cell, bound to the tokens.
std::string write_connection(const ConnectionRecord& record, const Secret& secret,
                             const std::string& name);
/// `Errc::corrupt`: no such record; `Errc::unauthenticated`: of another client secret.
Result<ConnectionRecord> read_connection(const std::string& text, const Secret& secret,
                                         const std::string& name);

}  // namespace rwp::jobadder
