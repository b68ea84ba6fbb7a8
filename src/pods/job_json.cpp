#include "pods/job_json.hpp"

#include "pods/time_text.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/url.hpp>

#include <functional>
#include <limits>
#include <utility>

namespace rwp::pods {
namespace {

using jobs::JobState;
using jobs::NewJob;

/// Reads one object's members into their places; remembers where it failed.
class JobReader {
 public:
  JobReader(std::string path, std::string& failed_at)
      : path_(std::move(path)), failed_at_(failed_at) {}

  Result<NewJob> read(JsonSlice job) {
    NewJob read;
    auto taken = members(job, "", [&](const std::string& name, JsonSlice value) {
      return member(name, value, read);
    });
    if (!taken) return taken.error();
    if (read.kind.empty()) return fail("kind", "is missing");
    return read;
  }

 private:
  using Visit = std::function<Result<void>(const std::string& name, JsonSlice value)>;

  Error fail(const std::string& name, const std::string& rule) {
    const std::string shown = shown_name(name);
    failed_at_ = path_.empty() ? shown : (name.empty() ? path_ : path_ + "." + shown);
    return {Errc::invalid_argument,
            failed_at_.empty() ? "the body " + rule : "\"" + failed_at_ + "\" " + rule};
  }
  Error mismatch(const std::string& name, std::string_view expected, JsonSlice found) {
    return fail(name, "must be " + std::string(expected) + ", not " +
                          std::string(describe_kind(found.kind())));
  }

  Result<void> members(JsonSlice object, const std::string& name, const Visit& visit) {
    if (object.kind() != JsonKind::object) return mismatch(name, "an object", object);
    return object.each_member(visit);
  }

  Result<void> member(const std::string& name, JsonSlice value, NewJob& job) {
    if (name == "kind") return text(name, value, job.kind);
    if (name == "version") return integer(name, value, job.version);
    if (name == "queue") return text(name, value, job.queue);
    if (name == "payload") {
      job.payload = JsonText::trusted(std::string(value.bytes()));
      return {};
    }
    if (name == "priority") {
      std::string priority;
      if (auto taken = text(name, value, priority); !taken) return taken;
      const auto found = enum_value<jobs::Priority>(priority);
      if (!found) return fail(name, "must be urgent, high, normal or low");
      job.priority = *found;
      return {};
    }
    if (name == "run_at") {
      std::string time;
      if (auto taken = text(name, value, time); !taken) return taken;
      const auto parsed = parse_rfc3339(time);
      if (!parsed) return fail(name, parsed.error().message());
      job.run_at = *parsed;
      return {};
    }
    if (name == "delay") return duration(name, value, job.delay);
    if (name == "timeout") return duration(name, value, job.timeout);
    if (name == "max_attempts") return integer(name, value, job.max_attempts);
    if (name == "idempotency_key") {
      if (auto taken = text(name, value, job.idempotency_key); !taken) return taken;
      if (job.idempotency_key.empty()) return fail(name, "must be 1 to 256 bytes");
      return {};
    }
    if (name == "tags") return texts(name, value, job.tags);
    if (name == "unique") {
      auto taken = members(value, name, [&](const std::string& inner, JsonSlice part) {
        return unique_member(inner, part, job.unique);
      });
      // Without a key there would be no rule, which is not what was asked for.
      if (taken && job.unique.key.empty()) return fail("unique.key", "is missing");
      return taken;
    }
    if (name.empty()) return fail(name, "has a member without a name");
    return fail(name, "is unknown");
  }

  Result<void> unique_member(const std::string& name, JsonSlice value, jobs::UniqueRule& unique) {
    const std::string place = "unique." + name;
    if (name == "key") return text(place, value, unique.key);
    if (name == "period") return duration(place, value, unique.period);
    if (name != "states") return fail(place, "is unknown");
    std::vector<std::string> names;
    if (auto taken = texts(place, value, names); !taken) return taken;
    std::uint8_t bits = 0;
    for (const auto& one : names) {
      const auto state = enum_value<JobState>(one);
      if (!state) return fail(place, "must name states of a job");
      bits = static_cast<std::uint8_t>(bits | jobs::StateSet{*state}.bits());
    }
    unique.states = jobs::StateSet::from_bits(bits);
    return {};
  }

  Result<void> text(const std::string& name, JsonSlice value, std::string& out) {
    auto read = value.as_string();
    if (!read) return mismatch(name, "a string", value);
    out = std::move(*read);
    return {};
  }

  Result<void> texts(const std::string& name, JsonSlice value, std::vector<std::string>& out) {
    if (value.kind() != JsonKind::array) return mismatch(name, "an array", value);
    return value.each_element([&](JsonSlice element) -> Result<void> {
      const std::string place = name + "[" + std::to_string(out.size()) + "]";
      if (out.size() == kMostTexts) return fail(name, "has too many elements");
      return text(place, element, out.emplace_back());
    });
  }

  Result<void> integer(const std::string& name, JsonSlice value, int& out) {
    if (value.kind() != JsonKind::integer) return mismatch(name, "an integer", value);
    const auto read = value.as_int64();
    if (!read || *read < 0 || *read > std::numeric_limits<int>::max()) {
      return fail(name, "is out of range");
    }
    out = static_cast<int>(*read);
    return {};
  }

  Result<void> duration(const std::string& name, JsonSlice value, std::chrono::milliseconds& out) {
    std::string read;
    if (auto taken = text(name, value, read); !taken) return taken;
    const auto parsed = parse_duration(read);
    if (!parsed) return fail(name, "must be a time such as 250ms, 30s, 5m, 2h or 7d");
    out = *parsed;
    return {};
  }

  /// Above every rule for tags and states; the store judges the rest.
  static constexpr std::size_t kMostTexts = 64;

  const std::string path_;
  std::string& failed_at_;
};

Result<JobsToSubmit> read_many(JsonSlice body, std::string& failed_at) {
  JobsToSubmit read;
  read.many = true;
  const auto fail = [&](const std::string& field, const std::string& rule) {
    failed_at = shown_name(field);
    return Error(Errc::invalid_argument, "\"" + failed_at + "\" " + rule);
  };
  auto taken = body.each_member([&](const std::string& name, JsonSlice value) -> Result<void> {
    if (name != "jobs") return fail(name, "is unknown beside \"jobs\"");
    if (value.kind() != JsonKind::array) return fail(name, "must be an array");
    return value.each_element([&](JsonSlice element) -> Result<void> {
      if (read.jobs.size() == kMaxJobsPerPost) return fail("jobs", "are more than 1000");
      JobReader reader("jobs[" + std::to_string(read.jobs.size()) + "]", failed_at);
      auto job = reader.read(element);
      if (!job) return job.error();
      read.jobs.push_back(std::move(*job));
      return {};
    });
  });
  if (!taken) return taken.error();
  if (read.jobs.empty()) return fail("jobs", "is empty");
  return read;
}

bool has_member(JsonSlice object, const std::string& name) {
  bool found = false;
  (void)object.each_member([&](const std::string& own, JsonSlice) -> Result<void> {
    found = found || own == name;
    return {};
  });
  return found;
}

void member_time(JsonWriter& out, std::string_view name, const std::optional<jobs::TimePoint>& at) {
  if (at) out.member(name, to_rfc3339(*at));
}

void member_text(JsonWriter& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.member(name, text);
}

}  // namespace

Result<JobsToSubmit> read_jobs(std::string body, BadRequest& bad) {
  const auto failed = [&bad](Error error) {
    bad.error = error;
    return error;
  };
  auto document = JsonText::parse(std::move(body));
  if (!document) return failed(document.error());
  if (auto twice = duplicate_name(*document)) {
    bad.field = std::move(*twice);
    return failed(Error(Errc::invalid_argument, "\"" + bad.field + "\" stands twice"));
  }
  const JsonSlice root(*document);
  if (has_member(root, "jobs")) {
    auto many = read_many(root, bad.field);
    if (!many) return failed(many.error());
    return many;
  }
  JobReader reader("", bad.field);
  auto job = reader.read(root);
  if (!job) return failed(job.error());
  JobsToSubmit one;
  one.jobs.push_back(std::move(*job));
  return one;
}

std::string named_field(const Error& error) {
  const std::string& message = error.message();
  if (!message.starts_with('"')) return {};
  const auto end = message.find('"', 1);
  return end == std::string::npos ? std::string() : message.substr(1, end - 1);
}

void write_job(JsonWriter& out, const jobs::Job& job, Viewer viewer) {
  out.begin_object();
  out.member("id", job.id.to_string());
  out.member("kind", job.kind);
  out.member("version", job.version);
  out.member("queue", job.queue);
  out.member("state", enum_name(job.state));
  if (job.end_reason != jobs::EndReason::none) {
    out.member("end_reason", enum_name(job.end_reason));
  }
  out.member("priority", enum_name(job.priority));
  if (job.payload_blob.empty()) out.member("payload", job.payload);
  out.member("created_at", to_rfc3339(job.created_at));
  out.member("run_at", to_rfc3339(job.run_at));
  member_time(out, "started_at", job.started_at);
  member_time(out, "finished_at", job.finished_at);
  out.member("attempt", job.attempt);
  out.member("max_attempts", job.max_attempts);
  if (job.crashes > 0) out.member("crashes", job.crashes);
  if (job.timeout.count() > 0) {
    out.member("timeout", std::to_string(job.timeout.count()) + "ms");
  }
  if (job.cancel_requested) out.member("cancel_requested", true);
  member_text(out, "idempotency_key", job.idempotency_key);
  member_text(out, "unique_key", job.unique_key);
  if (!job.tags.empty()) {
    out.key("tags").begin_array();
    for (const auto& tag : job.tags) out.value(tag);
    out.end_array();
  }
  member_text(out, "traceparent", job.traceparent);
  if (viewer == Viewer::operators) {
    member_text(out, "tenant", job.tenant);
    member_text(out, "payload_blob", job.payload_blob);
    member_text(out, "park_key", job.park_key);
    if (job.suspect_marks > 0) out.member("suspect_marks", job.suspect_marks);
    if (job.run_token > 0) out.member("run_token", job.run_token);
  }
  if (job.progress > 0 || !job.progress_note.empty()) {
    out.member("progress", job.progress);
    member_text(out, "progress_note", job.progress_note);
  }
  if (job.result) out.member("result", *job.result);
  if (!job.errors.empty()) {
    out.key("errors").begin_array();
    for (const auto& error : job.errors) {
      out.begin_object();
      out.member("attempt", error.attempt);
      out.member("at", to_rfc3339(error.at));
      out.member("code", error.code);
      out.member("message", error.message);
      out.end_object();
    }
    out.end_array();
  }
  out.end_object();
}

}  // namespace rwp::pods
