#include "pods/ctl/context.hpp"
#include "pods/ctl/progress.hpp"
#include "pods/ctl/submit_lines.hpp"
#include "pods/steer_names.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <array>
#include <fstream>
#include <utility>

namespace rwp::pods::ctl {
namespace {

/// Told on standard error; --rejects has them all.
constexpr std::size_t kMostTold = 20;

struct Pending {
  std::vector<jobs::NewJob> jobs{};
  std::vector<std::uint64_t> lines{};
  std::size_t bytes = 0;
};

/// What a job takes up in a request, with room for the names of its members.
std::size_t bytes_of(const jobs::NewJob& job) {
  constexpr std::size_t kNames = 512;
  std::size_t bytes = kNames + job.payload.size() + job.kind.size() + job.queue.size() +
                      2 * (job.idempotency_key.size() + job.unique.key.size());
  for (const auto& tag : job.tags) bytes += 2 * tag.size() + 3;
  return bytes;
}

/// The lines that were refused.
class Rejects {
 public:
  Result<void> open(const std::string& path) {
    if (path.empty()) return {};
    file_.open(path, std::ios::binary | std::ios::trunc);
    if (file_) return {};
    return Error(Errc::invalid_argument, "--rejects '" + cell_text(path) + "': cannot be written");
  }

  void add(const std::string& input, std::uint64_t line, const std::string& problem,
           ProgressBar& bar) {
    if (++count_ <= kMostTold) {
      bar.clear();
      tell(cell_text(input) + ", line " + std::to_string(line) + ": " + cell_text(problem, 300));
    }
    if (!file_.is_open()) return;
    JsonWriter out;
    out.begin_object().member("line", line).member("problem", problem).end_object();
    file_ << out.finish().view() << '\n';
  }

  /// Says what was not told yet. False: the file could not be written.
  bool finish(const std::string& path) {
    if (count_ > kMostTold) {
      const std::string all = std::to_string(count_) + " lines were refused in all";
      tell(path.empty() ? all + "; --rejects FILE keeps each" : all + "; see " + path);
    }
    if (!file_.is_open()) return true;
    file_.close();
    return !file_.fail();
  }

  std::size_t count() const { return count_; }

 private:
  std::ofstream file_;
  std::size_t count_ = 0;
};

/// One submit of a file.
class FileSubmit {
 public:
  FileSubmit(Context& context, JobsDesk& desk, SubmitLines lines, std::size_t batch)
      : context_(context), desk_(desk), lines_(std::move(lines)), batch_(batch) {}

  Result<void> run() {
    if (auto opened = rejects_.open(options().rejects); !opened) return opened;
    while (true) {
      auto line = lines_.next();
      if (!line) return line.error();
      if (!*line) break;
      ++read_;
      if (!(*line)->job) {
        rejects_.add(input(), (*line)->number, (*line)->problem, bar_);
        continue;
      }
      const std::size_t bytes = bytes_of(*(*line)->job);
      if (pending_.jobs.size() == batch_ || pending_.bytes + bytes > desk_.bytes_per_submit()) {
        if (auto sent = send(); !sent) return sent;
      }
      pending_.bytes += bytes;
      pending_.lines.push_back((*line)->number);
      pending_.jobs.push_back(std::move(*(*line)->job));
    }
    return send();
  }

  int finish() {
    bar_.clear();
    const bool kept = rejects_.finish(options().rejects);
    JsonWriter out;
    out.begin_object().member("submit", lines_.name());
    out.member("lines", static_cast<std::uint64_t>(read_));
    for (const auto& [outcome, count] : outcomes_) {
      out.member(outcome, static_cast<std::uint64_t>(count));
    }
    out.member("rejected", static_cast<std::uint64_t>(rejects_.count()));
    out.end_object();
    context_.out.object(out.finish());
    if (!kept) {
      tell("--rejects '" + cell_text(options().rejects) + "': could not be written");
      return kExitFailure;
    }
    return rejects_.count() > 0 ? kExitRejected : kExitSuccess;
  }

  void clear_bar() { bar_.clear(); }
  std::size_t sent() const { return sent_; }
  std::vector<Uuid> take_ids() { return std::move(ids_); }

 private:
  const SubmitOptions& options() const { return context_.options.submit; }
  std::string input() const { return options().file == "-" ? "standard input" : options().file; }

  Result<void> send() {
    if (pending_.jobs.empty()) return {};
    Pending batch = std::exchange(pending_, Pending());
    auto answers = desk_.submit(std::move(batch.jobs));
    if (!answers) return answers.error();
    for (std::size_t i = 0; i < answers->size(); ++i) {
      const auto& answer = (*answers)[i];
      if (!answer) {
        // One that the store cannot take now would fail the next as well.
        if (answer.error().retryable()) return answer.error();
        rejects_.add(input(), batch.lines[i], answer.error().message(), bar_);
        continue;
      }
      ++sent_;
      for (auto& [outcome, count] : outcomes_) {
        if (outcome == outcome_name(answer->outcome)) ++count;
      }
      if (options().wait) ids_.push_back(answer->id);
    }
    const double share = lines_.bytes() > 0 ? static_cast<double>(lines_.bytes_read()) /
                                                  static_cast<double>(lines_.bytes())
                                            : -1;
    bar_.show(sent_, 0, share);
    return {};
  }

  Context& context_;
  JobsDesk& desk_;
  SubmitLines lines_;
  const std::size_t batch_;
  ProgressBar bar_{"submitting"};
  Rejects rejects_;
  Pending pending_;
  std::size_t read_ = 0;
  std::size_t sent_ = 0;
  std::vector<Uuid> ids_;
  std::array<std::pair<std::string_view, std::size_t>, 3> outcomes_ = {
      {{"created", 0}, {"existing", 0}, {"collapsed", 0}}};
};

int submit_file(Context& context, JobsDesk& desk, const jobs::NewJob& common,
                std::chrono::milliseconds timeout) {
  const auto& options = context.options.submit;
  const auto batch = read_number("--batch", options.batch, 1, 1'000);
  if (!batch) return fail(context, batch.error());
  auto source = open_source(options);
  if (!source) return fail(context, source.error());
  SubmitLines lines(std::move(*source), common, options.raw);
  FileSubmit submit(context, desk, std::move(lines), *batch);
  if (auto done = submit.run(); !done) {
    submit.clear_bar();
    const int code = fail(context, done.error());
    tell(std::to_string(submit.sent()) +
         " jobs have been submitted; the same command goes on and submits none twice");
    return code;
  }
  const int code = submit.finish();
  if (!options.wait) return code;
  const int waited = wait_for(context, desk, submit.take_ids(), timeout);
  return waited == kExitSuccess ? code : waited;
}

Result<JsonText> read_payload(const std::string& text) {
  if (!text.starts_with('@')) return JsonText::parse(text);
  std::ifstream file(text.substr(1), std::ios::binary);
  constexpr std::size_t kMost = std::size_t{2} << 20U;
  std::string content(kMost, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || (content.empty() && !file.eof())) {
    return Error(Errc::invalid_argument, "the file cannot be read");
  }
  if (!file.eof()) return Error(Errc::invalid_argument, "the file is larger than 2 MiB");
  return JsonText::parse(std::move(content));
}

int submit_one(Context& context, JobsDesk& desk, jobs::NewJob job,
               std::chrono::milliseconds timeout) {
  const auto& options = context.options.submit;
  if (!options.payload.empty()) {
    auto payload = read_payload(options.payload);
    if (!payload) return refuse("--payload: " + payload.error().message());
    job.payload = std::move(*payload);
  }
  // A request that is sent again must find its job.
  if (job.idempotency_key.empty()) job.idempotency_key = "rwpctl/" + Uuid::make_v7().to_string();
  std::vector<jobs::NewJob> one;
  one.push_back(std::move(job));
  const auto answers = desk.submit(std::move(one));
  if (!answers) return fail(context, answers.error());
  const auto& answer = answers->front();
  if (!answer) return fail(context, answer.error());
  JsonWriter out;
  out.begin_object().member("id", answer->id.to_string());
  out.member("outcome", outcome_name(answer->outcome)).end_object();
  context.out.object(out.finish());
  return options.wait ? wait_for(context, desk, {answer->id}, timeout) : kExitSuccess;
}

/// Flags that mean nothing together.
std::string contradiction(const SubmitOptions& options) {
  if (options.file.empty()) {
    if (options.raw) return "--raw: is for the lines of --file";
    if (!options.run.empty()) return "--run: is for --file; --idempotency-key names one job";
    if (!options.rejects.empty()) return "--rejects: is for the lines of --file";
  } else {
    if (!options.payload.empty()) return "--file, --payload: give one of them";
    if (!options.idempotency_key.empty()) {
      return "--idempotency-key: is for one job; the lines of a file have keys of their own";
    }
  }
  if (!options.raw) return options.kind.empty() ? "--kind: is missing: what is to be done?" : "";
  const bool says_more =
      !options.kind.empty() || !options.version.empty() || !options.queue.empty() ||
      !options.priority.empty() || !options.delay.empty() || !options.run_at.empty() ||
      !options.timeout.empty() || !options.max_attempts.empty() || !options.tags.empty();
  return says_more ? "--raw: the lines say kind, queue and so on themselves" : "";
}

}  // namespace

int submit_jobs(Context& context) {
  const auto& options = context.options.submit;
  if (const auto wrong = contradiction(options); !wrong.empty()) return refuse(wrong);
  auto job = read_template(options);
  if (!job) return fail(context, job.error());
  const auto patience = read_duration("--patience", options.patience);
  if (!patience) return fail(context, patience.error());
  const auto timeout = read_duration("--timeout", context.options.wait.timeout);
  if (!timeout) return fail(context, timeout.error());
  auto desk = open_desk(context, true, *patience);
  if (!desk) return fail(context, desk.error());
  if (!job->tenant.empty() && !(*desk)->sees_tenants()) {
    return refuse("--tenant: through an API pod, jobs belong to the key's tenant; leave it out");
  }
  return options.file.empty() ? submit_one(context, **desk, std::move(*job), *timeout)
                              : submit_file(context, **desk, *job, *timeout);
}

}  // namespace rwp::pods::ctl
