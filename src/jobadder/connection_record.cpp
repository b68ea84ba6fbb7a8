#include "jobadder/connection_record.hpp"

#include "jobadder/sealed.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <string_view>
#include <utility>

namespace rwp::jobadder {
namespace {

using Time = std::chrono::system_clock::time_point;

std::int64_t milliseconds_of(Time time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

Time time_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  const auto number = member ? member->as_int64() : std::nullopt;
  return Time(std::chrono::milliseconds(number.value_or(0)));
}

}  // namespace

std::string write_connection(const ConnectionRecord& record, const Secret& secret,
                             const std::string& name) {
  JsonWriter inner;
  inner.begin_object()
      .member("access", record.tokens.access.expose())
      .member("refresh", record.tokens.refresh.expose())
      // Sealed, too: whoever can write the cell must not have the token sent elsewhere.
      .member("api_url", record.tokens.api_url)
      .end_object();
  JsonWriter out;
  out.begin_object()
      .member("generation", record.generation)
      .member("instance", record.tokens.instance)
      .member("account", record.tokens.account)
      .member("issued_at_ms", milliseconds_of(record.tokens.issued_at))
      .member("expires_at_ms", milliseconds_of(record.tokens.expires_at))
      .member("lease_holder", record.lease_holder)
      .member("lease_until_ms", milliseconds_of(record.lease_until))
      .member("broken", record.broken)
      .member("sealed", seal(secret, name, inner.finish().view()))
      .end_object();
  return out.finish().release();
}

Result<ConnectionRecord> read_connection(const std::string& text, const Secret& secret,
                                         const std::string& name) {
  const Error corrupt(Errc::corrupt, "what is kept of the connection cannot be read");
  auto json = JsonText::parse(text);
  if (!json) return corrupt;
  const JsonDocument document(*json);
  const JsonView root = document.root();
  const auto generation = root.find("generation");
  const auto number = generation ? generation->as_uint64() : std::nullopt;
  if (!number) return corrupt;
  auto opened = unseal(secret, name, text_of(root, "sealed"));
  if (!opened) return opened.error();
  auto inner = JsonText::parse(std::move(*opened));
  if (!inner) return corrupt;
  const JsonDocument tokens(*inner);
  ConnectionRecord record;
  record.generation = *number;
  record.tokens.access = Secret(text_of(tokens.root(), "access"));
  record.tokens.refresh = Secret(text_of(tokens.root(), "refresh"));
  record.tokens.api_url = text_of(tokens.root(), "api_url");
  record.tokens.instance = text_of(root, "instance");
  record.tokens.account = text_of(root, "account");
  record.tokens.issued_at = time_of(root, "issued_at_ms");
  record.tokens.expires_at = time_of(root, "expires_at_ms");
  record.lease_holder = text_of(root, "lease_holder");
  record.lease_until = time_of(root, "lease_until_ms");
  record.broken = text_of(root, "broken");
  return record;
}

}  // namespace rwp::jobadder
