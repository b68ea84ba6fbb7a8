#include "jobs_tiered/ticket_body.hpp"

#include <rwp/jobs/stored_text.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kCreatedAt = 2;

// What a body holds besides the fields that all have.
constexpr char kElsewhere = 1;
constexpr char kHasCursor = 2;
constexpr char kHasResume = 4;
constexpr char kHasResumeValue = 8;

void put(std::string& body, std::int64_t value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  body.append(bytes, sizeof value);
}

void put_text(std::string& body, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  char bytes[sizeof size];
  std::memcpy(bytes, &size, sizeof size);
  body.append(bytes, sizeof size);
  body.append(text);
}

/// Reads what was put; false from the first field on that is not whole.
class Reader {
 public:
  explicit Reader(std::string_view left) : left_(left) {}

  std::int64_t number() {
    std::int64_t value = 0;
    take(&value, sizeof value);
    return value;
  }
  int small_number() {
    const std::int64_t value = number();
    if (value < 0 || value > std::numeric_limits<int>::max()) is_intact_ = false;
    return is_intact_ ? static_cast<int>(value) : 0;
  }
  std::string_view text() {
    std::uint32_t size = 0;
    take(&size, sizeof size);
    if (size > left_.size()) is_intact_ = false;
    if (!is_intact_) return {};
    const std::string_view found = left_.substr(0, size);
    left_.remove_prefix(size);
    return found;
  }
  bool is_done() const { return is_intact_ && left_.empty(); }

 private:
  void take(void* to, std::size_t size) {
    if (left_.size() < size) is_intact_ = false;
    if (!is_intact_) return;
    std::memcpy(to, left_.data(), size);
    left_.remove_prefix(size);
  }

  std::string_view left_;
  bool is_intact_ = true;
};

JsonText json(std::string_view text) { return JsonText::trusted(std::string(text)); }

}  // namespace

std::string write_body(const jobs::ClaimedJob& job) {
  std::size_t carried = job.payload.size();
  if (job.cursor) carried += job.cursor->size();
  if (job.resume && job.resume->value) carried += job.resume->value->size();
  const bool elsewhere = carried > kMostCarried;

  char flags = elsewhere ? kElsewhere : 0;
  if (!elsewhere && job.cursor) flags |= kHasCursor;
  if (!elsewhere && job.resume) flags |= kHasResume;
  if (!elsewhere && job.resume && job.resume->value) flags |= kHasResumeValue;

  std::string body;
  body.reserve(96 + (elsewhere ? 0 : carried));
  body += kVersion;
  body += flags;
  put(body, jobs::to_ms(job.created_at));
  put(body, job.attempt);
  put(body, job.max_attempts);
  put(body, job.timeout.count());
  put_text(body, job.tenant);
  put_text(body, job.traceparent);
  put_text(body, job.payload_blob);
  if (elsewhere) return body;
  put_text(body, job.payload.view());
  if (job.cursor) put_text(body, job.cursor->view());
  if (job.resume) put_text(body, job.resume->key);
  if (job.resume && job.resume->value) put_text(body, job.resume->value->view());
  return body;
}

void set_created_at(std::string& body, jobs::TimePoint created_at) {
  const std::int64_t ms = jobs::to_ms(created_at);
  std::memcpy(body.data() + kCreatedAt, &ms, sizeof ms);
}

BodyRead read_body(std::string_view body, jobs::ClaimedJob& job) {
  BodyRead read;
  if (body.size() < kCreatedAt || body[0] != kVersion) return read;
  const char flags = body[1];
  Reader reader(body.substr(kCreatedAt));
  job.created_at = jobs::from_ms(reader.number());
  job.attempt = reader.small_number();
  job.max_attempts = reader.small_number();
  job.timeout = std::chrono::milliseconds(reader.number());
  job.tenant = reader.text();
  job.traceparent = reader.text();
  job.payload_blob = reader.text();
  read.is_elsewhere = (flags & kElsewhere) != 0;
  if (!read.is_elsewhere) {
    job.payload = json(reader.text());
    if ((flags & kHasCursor) != 0) job.cursor = json(reader.text());
    if ((flags & kHasResume) != 0) {
      jobs::Resume resume;
      resume.key = reader.text();
      if ((flags & kHasResumeValue) != 0) resume.value = json(reader.text());
      job.resume = std::move(resume);
    }
  }
  read.is_intact = reader.is_done();
  return read;
}

}  // namespace rwp::jobs_tiered
