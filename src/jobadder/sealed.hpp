#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>

#include <string>
#include <string_view>

namespace rwp::jobadder {

/// `text` enciphered (AES-256-GCM) under a key made of `secret`, in hexadecimal. `name` says what
/// it is, and is bound to it: what was sealed under one name opens under no other.
std::string seal(const Secret& secret, std::string_view name, std::string_view text);

/// `Errc::unauthenticated`: sealed under another secret or name, or changed.
Result<std::string> unseal(const Secret& secret, std::string_view name, std::string_view sealed);

}  // namespace rwp::jobadder
