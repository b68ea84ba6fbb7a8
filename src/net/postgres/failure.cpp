#include "net/postgres/failure.hpp"

#include <algorithm>
#include <array>
#include <libpq-fe.h>

namespace rwp::net_postgres {
namespace {

constexpr std::size_t kMaxMessageBytes = 500;

/// On one line, and of a size for a log.
std::string plain(const char* text) {
  std::string line = text == nullptr ? "" : text;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() > kMaxMessageBytes) line.resize(kMaxMessageBytes);
  return line;
}

bool says(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

bool means_lost(std::string_view state) {
  constexpr std::array<std::string_view, 5> kLost = {"57P01", "57P02", "57P03", "57P04", "25006"};
  return state.starts_with("08") || std::find(kLost.begin(), kLost.end(), state) != kLost.end();
}

Errc errc_of(std::string_view state) {
  if (state == "57014") return Errc::deadline_exceeded;
  if (means_lost(state) || state.starts_with("53") || state.starts_with("40") || state == "55P03" ||
      state == "58030") {
    return Errc::unavailable;
  }
  if (state.starts_with("28")) return Errc::unauthenticated;
  if (state == "42501") return Errc::permission_denied;
  if (state == "3D000" || state == "3F000" || state == "42P01" || state == "42883" ||
      state == "42703") {
    return Errc::unsupported;
  }
  if (state.starts_with("22")) return Errc::invalid_argument;
  if (state.starts_with("XX")) return Errc::corrupt;
  return Errc::internal;
}

Failure failure_of(const PGresult* result) {
  Failure failure;
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  failure.state = state == nullptr ? "" : state;
  // The primary message alone: the detail may hold values of rows.
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string message = plain(primary != nullptr ? primary : PQresultErrorMessage(result));
  failure.lost = failure.state.empty() || means_lost(failure.state);
  const Errc code = failure.state.empty() ? Errc::unavailable : errc_of(failure.state);
  failure.error = Error(
      code, "PostgreSQL: " + message + (failure.state.empty() ? "" : " (" + failure.state + ")"));
  return failure;
}

Failure failure_of(const PGconn* connection) {
  const std::string message =
      connection == nullptr ? "out of memory" : plain(PQerrorMessage(connection));
  Errc code = Errc::unavailable;
  if (says(message, "authentication failed") || says(message, "no password supplied") ||
      says(message, "pg_hba.conf") || (says(message, "role \"") && says(message, "not exist")) ||
      says(message, "certificate verify failed") || says(message, "does not match host name")) {
    code = Errc::unauthenticated;
  } else if (says(message, "server does not support SSL")) {
    code = Errc::unsupported;
  } else if (says(message, "root certificate file")) {
    code = Errc::invalid_argument;
  } else if (says(message, "database \"") && says(message, "not exist")) {
    code = Errc::not_found;
  }
  return {.error = Error(code, "PostgreSQL: " + (message.empty() ? "connection lost" : message)),
          .lost = true};
}

}  // namespace rwp::net_postgres
