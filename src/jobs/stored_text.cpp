#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <utility>

namespace rwp::jobs {
namespace {

constexpr std::size_t kMaxErrorBytes = 4096;

std::string text_at(JsonView view, std::string_view name) {
  const auto member = view.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

/// Documents of users are kept as strings, so that they come back byte for byte.
std::optional<JsonText> document_at(JsonView view, std::string_view name) {
  const auto member = view.find(name);
  if (!member) return std::nullopt;
  return JsonText::trusted(std::string(member->as_string().value_or("null")));
}

std::int64_t integer_at(JsonView view, std::string_view name) {
  const auto member = view.find(name);
  return member ? member->as_int64().value_or(0) : 0;
}

}  // namespace

bool StoredMore::empty() const {
  return errors.empty() && progress == 0 && note.empty() && !cursor && park_key.empty() && !resume;
}

std::string StoredMore::write() const {
  if (empty()) return {};
  JsonWriter out;
  out.begin_object();
  if (!errors.empty()) {
    out.key("errors").begin_array();
    for (const JobError& error : errors) {
      out.begin_object()
          .member("attempt", error.attempt)
          .member("at", to_ms(error.at))
          .member("code", error.code)
          .member("message", error.message)
          .end_object();
    }
    out.end_array();
  }
  if (progress != 0) out.member("progress", progress);
  if (!note.empty()) out.member("note", note);
  if (cursor) out.member("cursor", cursor->view());
  if (!park_key.empty()) out.member("park", park_key);
  if (resume) {
    out.key("resume").begin_object().member("key", resume->key);
    if (resume->value) out.member("value", resume->value->view());
    out.end_object();
  }
  out.end_object();
  return out.finish().release();
}

StoredMore StoredMore::read(std::string_view text) {
  StoredMore more;
  if (text.empty()) return more;
  const JsonDocument document(JsonText::trusted(std::string(text)));
  const JsonView root = document.root();
  if (const auto errors = root.find("errors")) {
    for (std::size_t i = 0; i < errors->size(); ++i) {
      const JsonView error = errors->at(i);
      more.errors.push_back({.attempt = static_cast<int>(integer_at(error, "attempt")),
                             .at = from_ms(integer_at(error, "at")),
                             .code = text_at(error, "code"),
                             .message = text_at(error, "message")});
    }
  }
  if (const auto progress = root.find("progress"))
    more.progress = progress->as_double().value_or(0);
  more.note = text_at(root, "note");
  more.cursor = document_at(root, "cursor");
  more.park_key = text_at(root, "park");
  if (const auto resume = root.find("resume")) {
    Resume found{.key = text_at(*resume, "key")};
    found.value = document_at(*resume, "value");
    more.resume = std::move(found);
  }
  return more;
}

void StoredMore::add_error(int attempt, TimePoint at, const Error& error) {
  std::string message = error.to_string();
  const std::string prefix = std::string(rwp::to_string(error.code())) + ": ";
  message.erase(0, prefix.size());
  if (message.size() > kMaxErrorBytes) {
    message.resize(kMaxErrorBytes);
    message += "…";
  }
  errors.push_back({.attempt = attempt,
                    .at = at,
                    .code = std::string(rwp::to_string(error.code())),
                    .message = std::move(message)});
  if (errors.size() > kMaxErrorsKept) errors.erase(errors.begin());
}

bool StoredRare::empty() const {
  return tags.empty() && idempotency_key.empty() && unique_key.empty() && traceparent.empty();
}

std::string StoredRare::write() const {
  if (empty()) return {};
  JsonWriter out;
  out.begin_object();
  if (!tags.empty()) {
    out.key("tags").begin_array();
    for (const std::string& tag : tags) out.value(tag);
    out.end_array();
  }
  if (!idempotency_key.empty()) out.member("idempotency_key", idempotency_key);
  if (!unique_key.empty()) {
    out.member("unique_key", unique_key).member("unique_states", int{unique_states.bits()});
  }
  if (!traceparent.empty()) out.member("traceparent", traceparent);
  out.end_object();
  return out.finish().release();
}

StoredRare StoredRare::read(std::string_view text) {
  StoredRare rare;
  if (text.empty()) return rare;
  const JsonDocument document(JsonText::trusted(std::string(text)));
  const JsonView root = document.root();
  if (const auto tags = root.find("tags")) {
    for (std::size_t i = 0; i < tags->size(); ++i) {
      rare.tags.emplace_back(tags->at(i).as_string().value_or(""));
    }
  }
  rare.idempotency_key = text_at(root, "idempotency_key");
  rare.unique_key = text_at(root, "unique_key");
  if (!rare.unique_key.empty()) {
    rare.unique_states =
        StateSet::from_bits(static_cast<std::uint8_t>(integer_at(root, "unique_states")));
  }
  rare.traceparent = text_at(root, "traceparent");
  return rare;
}

StoredRare StoredRare::of(const NewJob& job) {
  return {.tags = job.tags,
          .idempotency_key = job.idempotency_key,
          .unique_key = job.unique.key,
          .unique_states = job.unique.states,
          .traceparent = job.traceparent};
}

std::string unique_row_key(const std::string& tenant, const std::string& key) {
  return tenant + '\x1f' + key;
}

Sha256 ledger_key(const std::string& tenant, const std::string& idempotency_key) {
  return sha256(tenant + '\x1f' + idempotency_key);
}

Sha256 digest_from_blob_key(std::string_view key) {
  Sha256 digest{};
  const std::size_t slash = key.rfind('/');
  const std::string_view hex = key.substr(slash == std::string_view::npos ? 0 : slash + 1);
  for (std::size_t i = 0; i < digest.size() && 2 * i + 1 < hex.size(); ++i) {
    digest[i] =
        static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  }
  return digest;
}

std::int64_t to_ms(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

TimePoint from_ms(std::int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }

}  // namespace rwp::jobs
