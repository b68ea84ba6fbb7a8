#include "pods/ctl/submit_lines.hpp"

#include "pods/ctl/context.hpp"
#include "pods/job_json.hpp"
#include "pods/setting.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/checked_job.hpp>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace rwp::pods::ctl {
namespace {

constexpr std::size_t kNameDigits = 16;

/// A digest of many bytes in constant memory: the hash of a chain of blocks' hashes.
class Digest {
 public:
  void add(std::string_view block) { state_ = to_hex(sha256(state_ + to_hex(sha256(block)))); }
  std::string name() const { return state_.substr(0, kNameDigits); }

 private:
  std::string state_;
};

/// What the flags make of each line: another kind or queue is another submit.
std::string what_flags_say(const SubmitOptions& options) {
  std::string text = options.raw ? "raw" : "payload";
  for (const auto* part :
       {&options.kind, &options.version, &options.queue, &options.priority, &options.delay,
        &options.run_at, &options.timeout, &options.max_attempts, &options.tenant}) {
    text += '\n' + *part;
  }
  for (const auto& tag : options.tags) text += '\n' + tag;
  return text;
}

Error cannot_read(const std::string& file, int code) {
  const Errc errc = code == ENOENT ? Errc::not_found : Errc::invalid_argument;
  return {errc, "--file '" + cell_text(file) + "': " + std::generic_category().message(code)};
}

/// Reads all there is, block by block of a fixed size, whatever the reads give.
Result<std::uint64_t> digest_of(std::istream& in, Digest& digest, std::ostream* copy) {
  std::vector<char> block(std::size_t{1} << 20U);
  std::uint64_t total = 0;
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto count = static_cast<std::size_t>(in.gcount());
    if (count == 0) break;
    const std::string_view bytes(block.data(), count);
    digest.add(bytes);
    total += count;
    if (copy != nullptr && !copy->write(bytes.data(), static_cast<std::streamsize>(count))) {
      return Error(Errc::unavailable,
                   "the input could not be kept in a temporary file; "
                   "--run NAME reads it as it comes");
    }
  }
  if (in.bad()) return Error(Errc::unavailable, "the input could not be read to its end");
  return total;
}

/// A file that is gone from its folder at once, and so whenever this process ends.
Result<std::unique_ptr<std::fstream>> make_temporary() {
  const char* folder =
      std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): no other thread sets.
  std::string path = std::string(folder == nullptr ? "/tmp" : folder) + "/rwpctl-XXXXXX";
  const int made = ::mkstemp(path.data());
  if (made < 0) {
    return Error(Errc::unavailable,
                 "temporary file '" + path + "': " + std::generic_category().message(errno));
  }
  ::close(made);
  auto file = std::make_unique<std::fstream>(
      path, std::ios::in | std::ios::out | std::ios::binary | std::ios::trunc);
  ::unlink(path.c_str());
  if (!*file) return Error(Errc::unavailable, "temporary file '" + path + "' cannot be opened");
  return file;
}

/// What can be read once: standard input, a pipe.
Result<SubmitSource> open_stream(std::unique_ptr<std::istream> stream, const SubmitOptions& options,
                                 Digest digest) {
  SubmitSource source;
  if (!options.run.empty()) {
    source.stream = std::move(stream);
    source.name = digest.name();
    return source;
  }
  auto kept = make_temporary();
  if (!kept) return kept.error();
  const auto total = digest_of(*stream, digest, kept->get());
  if (!total) return total.error();
  (*kept)->flush();
  (*kept)->seekg(0);
  if (!**kept) return Error(Errc::unavailable, "the temporary file failed; is its disk full?");
  source.stream = std::move(*kept);
  source.bytes = *total;
  source.name = digest.name();
  return source;
}

}  // namespace

std::string submit_tag(std::string_view name) { return "submit:" + std::string(name); }

bool is_submit_name(std::string_view name) {
  return name.size() == kNameDigits &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<SubmitSource> open_source(const SubmitOptions& options) {
  Digest digest;
  digest.add(what_flags_say(options));
  if (!options.run.empty()) digest.add("run\n" + options.run);
  if (options.file == "-") {
    // Its buffer is not owned, and outlives all.
    auto standard = std::make_unique<std::istream>(std::cin.rdbuf());
    return open_stream(std::move(standard), options, digest);
  }
  errno = 0;
  auto file = std::make_unique<std::ifstream>(options.file, std::ios::binary);
  if (!*file) return cannot_read(options.file, errno == 0 ? EIO : errno);
  std::error_code code;
  const auto kind = std::filesystem::status(options.file, code).type();
  if (kind == std::filesystem::file_type::fifo) {
    return open_stream(std::move(file), options, digest);
  }
  if (kind != std::filesystem::file_type::regular) {
    return Error(Errc::invalid_argument,
                 "--file '" + cell_text(options.file) + "': must be a file, a pipe or -");
  }
  SubmitSource source;
  // Read also under --run: it tells how much there is, and that it can be read.
  Digest of_bytes = digest;
  const auto total = digest_of(*file, of_bytes, nullptr);
  if (!total) return total.error();
  file->clear();
  file->seekg(0);
  source.bytes = *total;
  source.name = options.run.empty() ? of_bytes.name() : digest.name();
  source.stream = std::move(file);
  return source;
}

Result<jobs::NewJob> read_template(const SubmitOptions& options) {
  jobs::NewJob job;
  const auto bad = [](const std::string& flag, const std::string& value, const std::string& rule) {
    return Error(Errc::invalid_argument, flag + " " + shown_value(Setting(), value) + ": " + rule);
  };
  job.kind = options.kind;
  if (!options.queue.empty()) job.queue = options.queue;
  if (!options.version.empty()) {
    const auto version = read_number("--payload-version", options.version, 1, 1'000'000);
    if (!version) return version.error();
    job.version = static_cast<int>(*version);
  }
  if (!options.max_attempts.empty()) {
    const auto attempts = read_number("--max-attempts", options.max_attempts, 1, 1'000);
    if (!attempts) return attempts.error();
    job.max_attempts = static_cast<int>(*attempts);
  }
  if (!options.priority.empty()) {
    const auto priority = enum_value<jobs::Priority>(options.priority);
    if (!priority) {
      return bad("--priority", options.priority, "must be urgent, high, normal or low");
    }
    job.priority = *priority;
  }
  const auto delay = read_duration("--delay", options.delay);
  if (!delay) return delay.error();
  job.delay = *delay;
  const auto timeout = read_duration("--job-timeout", options.timeout);
  if (!timeout) return timeout.error();
  job.timeout = *timeout;
  if (!options.run_at.empty()) {
    const auto time = parse_rfc3339(options.run_at);
    if (!time) return bad("--run-at", options.run_at, time.error().message());
    job.run_at = *time;
  }
  job.tags = options.tags;
  job.tenant = options.tenant;
  job.idempotency_key = options.idempotency_key;
  return job;
}

SubmitLines::SubmitLines(SubmitSource source, jobs::NewJob common, bool raw)
    : source_(std::move(source)),
      lines_(*source_.stream, kMaxSubmitLineBytes),
      common_(std::move(common)),
      raw_(raw) {}

Result<jobs::NewJob> SubmitLines::read(std::string text) const {
  if (!raw_) {
    auto payload = JsonText::parse(std::move(text));
    if (!payload) return payload.error();
    jobs::NewJob job = common_;
    job.payload = std::move(*payload);
    return job;
  }
  BadRequest bad;
  auto read = read_jobs(std::move(text), bad);
  if (!read) return bad.error;
  if (read->many) return Error(Errc::invalid_argument, "\"jobs\" is unknown: a line is one job");
  return std::move(read->jobs.front());
}

void SubmitLines::complete(jobs::NewJob& job, std::uint64_t number) const {
  if (job.idempotency_key.empty()) {
    job.idempotency_key = "rwpctl/" + source_.name + "/" + std::to_string(number);
  }
  job.tags.push_back(submit_tag(source_.name));
  if (raw_) job.tenant = common_.tenant;
}

Result<std::optional<SubmitLine>> SubmitLines::next() {
  while (true) {
    auto line = lines_.next();
    if (!line) {
      if (lines_.failed())
        return Error(Errc::unavailable, "the input could not be read to its end");
      return std::optional<SubmitLine>();
    }
    SubmitLine read{.number = line->number};
    if (line->too_long) {
      read.problem = "is longer than " + std::to_string(kMaxSubmitLineBytes) + " bytes";
      return std::optional<SubmitLine>(std::move(read));
    }
    if (line->text.find_first_not_of(" \t") == std::string::npos) continue;
    auto job = this->read(std::move(line->text));
    if (job) {
      complete(*job, read.number);
      // Judged here, so that one bad line costs no request; the store judges again, by its clock.
      auto checked = jobs::check(*job, std::chrono::system_clock::now());
      if (!checked) {
        job = checked.error();
      } else if (job->payload.size() > jobs::kMaxInlinePayloadBytes) {
        job = Error(Errc::invalid_argument, "\"payload\" must be at most 1 MiB");
      } else if (job->kind.starts_with("rwp.")) {
        job = Error(Errc::invalid_argument,
                    R"("kind" must not start with "rwp.", which is the system's)");
      }
    }
    if (job) {
      read.job = std::move(*job);
    } else {
      read.problem = job.error().message();
    }
    return std::optional<SubmitLine>(std::move(read));
  }
}

}  // namespace rwp::pods::ctl
