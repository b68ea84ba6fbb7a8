#include "pods/ctl/context.hpp"
#include "pods/ctl/forget_jobs.hpp"
#include "pods/ctl/progress.hpp"
#include "pods/event_sinks.hpp"
#include "pods/forgotten.hpp"
#include "pods/jobadder/connections.hpp"
#include "pods/jobadder/removal.hpp"
#include <rwp/ai/cache.hpp>
#include <rwp/ai_redis/fleet.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>
#include <rwp/recruitment/parse.hpp>
#include <rwp/storage/object_versions.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace rwp::pods::ctl {
namespace {

/// A run that began before the list was asked may store something once more: so often is looked.
constexpr int kMostRounds = 4;
constexpr std::chrono::seconds kRedisPatience{10};
constexpr std::size_t kMostIdBytes = 256;

/// A place where data lies, what was found there by all rounds, and by the last.
struct Place {
  std::string name{};
  std::size_t found = 0;
  std::size_t removed = 0;
  std::size_t left = 0;
  /// Why something is left, or may be, that this command cannot remove.
  std::string why{};
  /// What is left is not ours to remove, and no reason to come again.
  bool is_elsewhere = false;
};

class Forgetting {
 public:
  Forgetting(Context& context, std::shared_ptr<jobs::JobStore> store,
             std::shared_ptr<storage::ObjectStore> objects)
      : context_(context),
        options_(context.options.forget),
        runtime_(context.runtime),
        store_(std::move(store)),
        objects_(std::move(objects)),
        subject_(subject_of(options_.tenant, options_.candidate)),
        jobs_(runtime_, store_, objects_, options_.tenant, options_.candidate) {}

  Result<void> open_others() {
    const auto& configuration = context_.configuration();
    for (const auto& url : split_urls(configuration.analytics_url)) {
      const auto path = file_path_of(url);
      std::error_code code;
      if (!path.empty() && !std::filesystem::exists(path, code)) continue;
      auto sink = context_.schemes.open<analytics::Sink>(url, runtime_);
      if (!sink) return sink.error().with_context("analytics");
      sinks_.push_back(std::move(*sink));
    }
    if (configuration.redis_url.empty()) return {};
    auto fleet = ai_redis::open_fleet(runtime_, configuration.redis_url);
    if (!fleet) return fleet.error().with_context("RWP_REDIS_URL");
    const auto until = std::chrono::steady_clock::now() + kRedisPatience;
    if (auto there = block_on(runtime_, (*fleet)->connected(until)); !there) {
      return there.error().with_context("Redis");
    }
    fleet_ = std::move(*fleet);
    return {};
  }

  Result<void> run(SteadyTime deadline) {
    if (!options_.dry_run) {
      Forgotten forgotten(objects_);
      auto listed = block_on(runtime_, forgotten.add(options_.tenant, options_.candidate));
      if (!listed) return listed;
    }
    ProgressBar bar("forgetting");
    const int rounds = options_.dry_run ? 1 : kMostRounds;
    for (int round = 0; round < rounds; ++round) {
      bar.show(static_cast<std::uint64_t>(round), 0);
      for (Place* place : {&of_jobs_, &of_objects_, &of_answers_, &of_events_}) place->left = 0;
      const std::size_t before = found();
      if (auto done = round_of_jobs(deadline); !done) return done;
      if (auto done = round_of_objects(); !done) return done;
      if (auto done = round_of_answers(); !done) return done;
      if (auto done = round_of_events(); !done) return done;
      // A round that finds nothing is the proof.
      proven_ = found() == before;
      if (proven_) break;
    }
    if (!options_.dry_run) scrub();
    return {};
  }

  int finish(bool complete) {
    std::vector<Column> columns;
    columns.push_back(member_column("PLACE", "place"));
    for (const auto& [title, name] : {std::pair("FOUND", "found"), std::pair("REMOVED", "removed"),
                                      std::pair("LEFT", "left")}) {
      columns.push_back(member_column(title, name));
      columns.back().right = true;
    }
    columns.push_back(member_column("WHY", "why", kUncut));
    context_.out.begin_list("places", std::move(columns));
    bool clean = complete && (proven_ || options_.dry_run);
    for (const Place* place : {&of_jobs_, &of_objects_, &of_answers_, &of_events_, &of_files_}) {
      clean = clean && (place->left == 0 || place->is_elsewhere);
      JsonWriter out;
      out.begin_object()
          .member("place", place->name)
          .member("found", static_cast<std::uint64_t>(place->found))
          .member("removed", static_cast<std::uint64_t>(place->removed))
          .member("left", static_cast<std::uint64_t>(place->left))
          .member("why", place->why)
          .end_object();
      context_.out.row(out.finish());
    }
    if (options_.dry_run) clean = complete && found() == 0;
    JsonWriter summary;
    summary.begin_object()
        .member("subject", subject_)
        .member("dry_run", options_.dry_run)
        .member("complete", complete)
        .member("nothing_left", clean)
        .end_object();
    context_.out.end_list({{"summary", summary.finish()}});
    if (options_.dry_run) {
      context_.out.line("nothing was removed");
    } else if (clean) {
      context_.out.line("looked once more: nothing is left; " + subject_ + " stays forgotten");
    } else {
      context_.out.line("something is left: run it again");
    }
    return clean ? kExitSuccess : kExitFindings;
  }

 private:
  std::size_t found() const {
    return of_jobs_.found + of_objects_.found + of_answers_.found + of_events_.found;
  }

  Result<void> round_of_jobs(SteadyTime deadline) {
    const auto count = jobs_.find();
    if (!count) return count.error().with_context("job store");
    of_jobs_.found += *count - std::min(*count, still_open_);
    of_jobs_.left = *count;
    if (options_.dry_run || *count == 0) return {};
    const auto open = jobs_.end(deadline);
    if (!open) return open.error().with_context("job store");
    // Before the rows go, which alone name them.
    for (const auto& key : jobs_.object_keys()) {
      if (auto removed = remove_object(key); !removed) return removed;
    }
    const auto removed = jobs_.erase();
    if (!removed) return removed.error().with_context("job store");
    of_jobs_.removed += *removed;
    of_jobs_.left = *count - *removed;
    still_open_ = of_jobs_.left;
    of_jobs_.why = of_jobs_.left == 0 ? std::string() : "still running; cancelled, not yet stopped";
    return {};
  }

  Result<void> remove_object(const std::string& key) {
    if (options_.dry_run) return find_object(key);
    const auto versions = block_on(runtime_, storage::purge(objects_, key));
    if (!versions) return versions.error().with_context("object store");
    if (*versions == 0) return {};
    ++of_objects_.found;
    ++of_objects_.removed;
    return {};
  }

  Result<void> find_object(const std::string& key) {
    storage::ListOptions options;
    options.prefix = key;
    options.limit = 1;
    const auto page = block_on(runtime_, storage::list_with_removed(objects_, options));
    if (!page) return page.error().with_context("object store");
    if (page->entries.empty() || page->entries.front().key != key) return {};
    ++of_objects_.found;
    ++of_objects_.left;
    return {};
  }

  /// Objects below `prefix` with `folder` in their names.
  Result<void> remove_below(const std::string& prefix, const std::string& folder) {
    storage::ListOptions options;
    options.prefix = prefix;
    do {
      const auto page = block_on(runtime_, storage::list_with_removed(objects_, options));
      if (!page) return page.error().with_context("object store");
      for (const auto& entry : page->entries) {
        if (entry.key.find(folder) == std::string::npos) continue;
        if (auto removed = remove_object(entry.key); !removed) return removed;
      }
      options.cursor = page->next_cursor;
    } while (!options.cursor.empty());
    return {};
  }

  Result<void> round_of_objects() {
    const auto key = recruitment::candidate_key(options_.tenant, options_.candidate);
    if (auto removed = remove_object(key); !removed) return removed;
    if (options_.dry_run) {
      for (const auto& named : jobs_.object_keys()) {
        if (auto removed = remove_object(named); !removed) return removed;
      }
    }
    // An AI pod's tenant may be another than the job's.
    for (const char* prefix : {"ai-results/", "reports/", "archives/"}) {
      if (auto removed = remove_below(prefix, "/" + subject_ + "/"); !removed) return removed;
    }
    // Earlier résumés, too, whose jobs are past their retention.
    if (const auto mirrored = jobadder_number()) {
      auto removed = remove_below(jobadder_upload_folder(options_.tenant, *mirrored), "/");
      if (!removed) return removed;
    }
    return remove_below("ai-cache/" + subject_ + "/", "/");
  }

  /// The candidate's number at JobAdder, when they were mirrored from there.
  std::optional<std::int64_t> jobadder_number() const {
    const std::string& id = options_.candidate;
    const std::size_t digits = id.find_last_not_of("0123456789") + 1;
    std::int64_t number = 0;
    const auto read = std::from_chars(id.data() + digits, id.data() + id.size(), number);
    if (read.ec != std::errc() || jobadder_candidate_id(number) != id) return std::nullopt;
    return number;
  }

  Result<void> round_of_answers() {
    of_answers_.why =
        "in the memory of running pods until their time or a restart; never asked for";
    of_answers_.is_elsewhere = true;
    if (!fleet_ || options_.dry_run) return {};
    const auto removed =
        block_on(runtime_, fleet_->cache()->remove_all(ai::subject_prefix(subject_)));
    if (!removed) return removed.error().with_context("Redis");
    of_answers_.found += *removed;
    of_answers_.removed += *removed;
    return {};
  }

  Result<void> round_of_events() {
    if (options_.dry_run) return {};
    for (const auto& sink : sinks_) {
      const auto removed = block_on(runtime_, sink->forget(subject_));
      if (!removed && removed.error().code() == Errc::unsupported) {
        of_events_.is_elsewhere = true;
        of_events_.why = "delivered to another system, under the name " + subject_;
        continue;
      }
      if (!removed) return removed.error().with_context("analytics");
      of_events_.found += *removed;
      of_events_.removed += *removed;
    }
    return {};
  }

  void scrub() {
    const auto scrubbed = block_on(runtime_, store_->scrub());
    if (scrubbed) {
      of_files_.why = "backups, and a server's own log and free space, until they are written over";
      of_files_.is_elsewhere = true;
      return;
    }
    of_files_.left = 1;
    of_files_.why = scrubbed.error().message();
  }

  Context& context_;
  const ForgetOptions& options_;
  Runtime& runtime_;
  const std::shared_ptr<jobs::JobStore> store_;
  const std::shared_ptr<storage::ObjectStore> objects_;
  const std::string subject_;
  std::vector<std::shared_ptr<analytics::Sink>> sinks_;
  std::shared_ptr<ai_redis::Fleet> fleet_;
  CandidateJobs jobs_;
  std::size_t still_open_ = 0;
  Place of_jobs_{.name = "jobs"};
  Place of_objects_{.name = "objects"};
  Place of_answers_{.name = "cached answers"};
  Place of_events_{.name = "events"};
  Place of_files_{.name = "job store's files"};
  bool proven_ = false;
};

Result<void> check(const ForgetOptions& options) {
  if (options.candidate.empty()) {
    return Error(Errc::invalid_argument, "--candidate: is missing: who is to be forgotten?");
  }
  if (options.candidate.size() > kMostIdBytes) {
    return Error(Errc::invalid_argument, "--candidate: must be 1 to 256 bytes");
  }
  if (options.lift && options.dry_run) {
    return Error(Errc::invalid_argument, "--lift: does not go with --dry-run");
  }
  return {};
}

/// A slip in the path would find nothing, and say so.
Result<std::shared_ptr<storage::ObjectStore>> open_objects(Context& context) {
  const auto& url = context.configuration().objects_url;
  const auto path = file_path_of(url);
  std::error_code code;
  if (!path.empty() && !std::filesystem::exists(path, code)) {
    return Error(Errc::not_found,
                 "no object store at '" + path + "'; --objects-url or RWP_OBJECTS_URL names it");
  }
  auto objects = context.schemes.open<storage::ObjectStore>(url, context.runtime);
  if (!objects) return objects.error().with_context("object store");
  return objects;
}

}  // namespace

int forget_candidate(Context& context) {
  const auto& options = context.options.forget;
  if (auto checked = check(options); !checked) return refuse(checked.error().message());
  const auto timeout = read_duration("--timeout", options.timeout);
  if (!timeout) return refuse(timeout.error().message());
  auto objects = open_objects(context);
  if (!objects) return fail(context, objects.error());
  if (options.lift) {
    Forgotten forgotten(*objects);
    auto lifted = block_on(context.runtime, forgotten.remove(options.tenant, options.candidate));
    if (!lifted) return fail(context, lifted.error());
    context.out.line("off the list: they may come back");
    return kExitSuccess;
  }
  auto store = open_store(context, false);
  if (!store) return fail(context, store.error());
  Forgetting forgetting(context, std::move(*store), std::move(*objects));
  if (auto opened = forgetting.open_others(); !opened) return fail(context, opened.error());
  if (auto done = forgetting.run(std::chrono::steady_clock::now() + *timeout); !done) {
    (void)forgetting.finish(false);
    return fail(context, done.error().with_context("not all could be removed; run it again"));
  }
  return forgetting.finish(true);
}

}  // namespace rwp::pods::ctl
