#pragma once

#include <rwp/core/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::documents {

/// Why a document gave no text. Each has one `Errc` and a name that begins the error's message, so
/// that it can be told from a stored error too.
enum class Trouble : std::uint8_t {
  empty,             ///< No bytes, or no text in them. `invalid_argument`
  too_large,         ///< More bytes, or more text, than the limits allow. `invalid_argument`
  unsupported_type,  ///< Nothing that is read here: an image, a program, an old .doc. `unsupported`
  encrypted,         ///< Cannot be read without a password. `unsupported`
  damaged,           ///< Truncated, or breaks the rules of its format. `corrupt`
  too_complex,       ///< Nested too deeply, or swells when unpacked. `invalid_argument`
  out_of_memory,     ///< Reading it needs more memory than the limit. `budget_exceeded`
  out_of_time,       ///< Reading it needs more time than the limits. `deadline_exceeded`
  reader_crashed,    ///< The reader program died of it. `internal`
  reader_missing,    ///< The reader program cannot be started. `unavailable`, the one to retry
};

/// The name that begins the message, such as "document_encrypted".
std::string_view to_string(Trouble trouble) noexcept;

/// The error of that trouble: "document_encrypted: " and the message. Only `reader_missing` is
/// retryable; the others meet the same document again.
Error trouble_error(Trouble trouble, std::string_view message);

/// Which trouble the error tells of, also under a context that was put before; none for another
/// kind of error.
std::optional<Trouble> trouble_of(const Error& error) noexcept;
/// As above, from the message alone, as a job keeps it.
std::optional<Trouble> trouble_of(std::string_view message) noexcept;

}  // namespace rwp::documents
