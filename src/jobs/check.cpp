#include <rwp/core/utf8.hpp>
#include <rwp/jobs/checked_job.hpp>

#include <algorithm>
#include <utility>

namespace rwp::jobs {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxTags = 16;
constexpr std::size_t kMaxTagBytes = 64;
constexpr std::size_t kMaxTenantBytes = 128;
constexpr std::size_t kMaxKeyBytes = 256;
constexpr std::size_t kMaxUniqueKeyBytes = 512;
constexpr std::size_t kMaxTraceparentBytes = 128;
constexpr std::size_t kMaxNoteBytes = 1024;
constexpr int kMaxVersion = 1'000'000;
constexpr int kMaxAttempts = 1'000;
constexpr std::chrono::hours kMaxWait{24 * 3650};
constexpr std::chrono::hours kMaxPark{24 * 30};

Error broken(std::string_view field, std::string_view rule) {
  return Error(Errc::invalid_argument, "\"" + std::string(field) + "\" " + std::string(rule));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == '/';
}

/// No NUL, no control characters.
bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

/// Text that every store can keep and show.
Result<void> check_text(std::string_view field, std::string_view text, std::size_t most) {
  if (text.size() > most) return broken(field, "is longer than " + std::to_string(most) + " bytes");
  if (!is_plain(text)) return broken(field, "holds a control character");
  if (!is_valid_utf8(text)) return broken(field, "is not UTF-8");
  return {};
}

Result<void> check_delay(std::string_view field, std::chrono::milliseconds delay) {
  if (delay.count() < 0 || delay > kMaxWait) return broken(field, "must be 0 to 10 years");
  return {};
}

Result<void> check_fields(const NewJob& job, TimePoint now) {
  if (auto ok = check_name("kind", job.kind); !ok) return ok;
  if (auto ok = check_name("queue", job.queue); !ok) return ok;
  if (job.version < 1 || job.version > kMaxVersion)
    return broken("version", "must be 1 to 1000000");
  if (job.payload.size() > kMaxPayloadBytes) return broken("payload", "is larger than 256 MiB");
  if (static_cast<std::size_t>(job.priority) >= kPriorityCount) {
    return broken("priority", "must be urgent, high, normal or low");
  }
  if (job.max_attempts < 1 || job.max_attempts > kMaxAttempts) {
    return broken("max_attempts", "must be 1 to 1000");
  }
  if (auto ok = check_delay("delay", job.delay); !ok) return ok;
  if (auto ok = check_delay("timeout", job.timeout); !ok) return ok;
  if (job.run_at && *job.run_at > now + kMaxWait) return broken("run_at", "is over 10 years ahead");
  if (auto ok = check_text("idempotency_key", job.idempotency_key, kMaxKeyBytes); !ok) return ok;
  if (auto ok = check_text("unique.key", job.unique.key, kMaxUniqueKeyBytes); !ok) return ok;
  if (!job.unique.key.empty() && job.unique.states.empty()) {
    return broken("unique.states", "must name a state");
  }
  if (auto ok = check_delay("unique.period", job.unique.period); !ok) return ok;
  if (job.tags.size() > kMaxTags) return broken("tags", "are more than 16");
  for (const std::string& tag : job.tags) {
    if (tag.empty()) return broken("tags", "hold an empty one");
    if (auto ok = check_text("tags", tag, kMaxTagBytes); !ok) return ok;
  }
  if (auto ok = check_text("tenant", job.tenant, kMaxTenantBytes); !ok) return ok;
  if (auto ok = check_text("traceparent", job.traceparent, kMaxTraceparentBytes); !ok) return ok;
  if (job.id.is_nil()) return {};
  if (job.id.version() != 7) return broken("id", "must be a UUID of version 7");
  if (job.id.time() < now - kLedgerAge || job.id.time() > now + kIdAhead) {
    return broken("id", "was made more than seven days before, or a day after, the store's time");
  }
  return {};
}

struct OutcomeChecker {
  Result<void> operator()(const Succeed& succeed) const {
    if (succeed.result.size() > kMaxResultBytes) return broken("result", "is larger than 1 MiB");
    return {};
  }
  Result<void> operator()(const Retry& retry) const { return check_delay("delay", retry.delay); }
  Result<void> operator()(const Fail&) const { return {}; }
  Result<void> operator()(const Snooze& snooze) const { return check_delay("delay", snooze.delay); }
  Result<void> operator()(const Park& park) const {
    if (park.key.empty()) return broken("park.key", "is empty");
    if (auto ok = check_text("park.key", park.key, kMaxKeyBytes); !ok) return ok;
    if (park.timeout.count() < 1 || park.timeout > kMaxPark) {
      return broken("park.timeout", "must be 1 ms to 30 days");
    }
    return {};
  }
  Result<void> operator()(const HandBack&) const { return {}; }
  Result<void> operator()(const Cancelled&) const { return {}; }
  Result<void> operator()(const Crashed& crashed) const {
    return check_delay("delay", crashed.delay);
  }
};

}  // namespace

Result<void> check_name(std::string_view field, std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes ||
      !std::all_of(name.begin(), name.end(), is_name_character)) {
    return broken(field, "must be 1 to 128 letters, digits, '.', '_', '-' or '/'");
  }
  return {};
}

Result<CheckedJob> check(NewJob job, TimePoint now) {
  if (auto ok = check_fields(job, now); !ok) return ok.error();
  if (job.id.is_nil()) job.id = Uuid::make_v7(now);
  CheckedJob checked{.job = std::move(job)};
  if (!checked.job.idempotency_key.empty() || checked.job.payload.size() > kMaxInlinePayloadBytes) {
    checked.payload_digest = sha256(checked.job.payload.view());
  }
  return checked;
}

Result<void> check(const RunOutcome& outcome) { return std::visit(OutcomeChecker(), outcome); }

Result<void> check(const ClaimRequest& request) {
  if (auto ok = check_text("worker", request.worker, kMaxNameBytes); !ok) return ok;
  if (request.limit < 1 || request.limit > 10'000) return broken("limit", "must be 1 to 10000");
  if (request.lease < std::chrono::seconds(1) || request.lease > std::chrono::hours(1)) {
    return broken("lease", "must be 1 s to 1 h");
  }
  for (const std::string& queue : request.queues) {
    if (auto ok = check_name("queues", queue); !ok) return ok;
  }
  for (const KindSupport& kind : request.kinds) {
    if (auto ok = check_name("kinds", kind.kind); !ok) return ok;
    if (kind.min_version < 1 || kind.max_version < kind.min_version) {
      return broken("kinds", "name a version range that is empty");
    }
  }
  return {};
}

Result<void> check(const ProgressUpdate& update) {
  if (update.progress && !(*update.progress >= 0 && *update.progress <= 1)) {
    return broken("progress", "must be 0 to 1");
  }
  if (update.note && update.note->size() > kMaxNoteBytes) {
    return broken("note", "is longer than 1024 bytes");
  }
  // Lines and tabs are welcome here, a NUL is not: not every store can keep it.
  if (update.note &&
      (!is_valid_utf8(*update.note) || update.note->find('\0') != std::string::npos)) {
    return broken("note", "is not UTF-8 without NUL");
  }
  if (update.cursor && update.cursor->size() > kMaxCursorBytes) {
    return broken("cursor", "is larger than 64 KiB");
  }
  return {};
}

Result<void> check(const UnparkRequest& request) {
  if (request.key.empty()) return broken("key", "is empty");
  if (auto ok = check_text("key", request.key, kMaxKeyBytes); !ok) return ok;
  if (request.value.size() > kMaxResultBytes) return broken("value", "is larger than 1 MiB");
  return {};
}

Result<void> check(const JobFilter& filter) {
  if (!filter.queue.empty()) {
    if (auto ok = check_name("queue", filter.queue); !ok) return ok;
  }
  if (!filter.kind.empty()) {
    if (auto ok = check_name("kind", filter.kind); !ok) return ok;
  }
  if (auto ok = check_text("tag", filter.tag, kMaxTagBytes); !ok) return ok;
  return check_text("tenant", filter.tenant, kMaxTenantBytes);
}

}  // namespace rwp::jobs
