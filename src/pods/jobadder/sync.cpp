#include "pods/jobadder/handlers.hpp"
#include "pods/jobadder/removal.hpp"
#include "pods/jobadder/sync_cursor.hpp"
#include "pods/jobadder/watchdog.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobadder/pages.hpp>
#include <rwp/jobadder/records.hpp>
#include <rwp/jobadder/webhook.hpp>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace rwp::pods {
namespace {

using jobadder::Pages;
using jobs::Awaitable;

/// Adverts change one by one; the cell is some 300 KB when there are 10,000.
constexpr std::size_t kPagesBetweenDigests = 10;
constexpr std::size_t kDigestCharacters = 16;

std::string text_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

/// Whose application or placement a list's record is; 0: it does not say.
std::int64_t candidate_of(JsonView record) {
  const auto candidate = record.find("candidate");
  if (!candidate || candidate->kind() != JsonKind::object) return 0;
  const auto id = candidate->find("candidateId");
  const auto number = id ? id->as_int64() : std::nullopt;
  return number && *number > 0 ? *number : 0;
}

/// One run of "jobadder.sync".
class SyncRun {
 public:
  SyncRun(SharedJobAdderParts parts, jobs::JobContext& context)
      : parts_(std::move(parts)),
        context_(context),
        tenant_(context.job().tenant),
        client_(parts_->connections->of(tenant_).client),
        cell_(jobadder_cell(tenant_, "sync")) {}

  Awaitable<Result<void>> run() {
    if (auto loaded = co_await load(); !loaded) co_return loaded.error();
    const auto enabled = co_await enable_webhooks(parts_, tenant_);
    if (auto may = go_on(); !may) co_return may.error();
    // Nothing depends on webhooks: the look that follows finds what they miss.
    if (!enabled) {
      context_.log().warn("JobAdder's webhooks could not be looked at",
                          {{"error", enabled.error().to_string()}});
    }
    if (auto done = co_await sync_ads(); !done) co_return done.error();
    auto done = co_await sync_list(cursor_.candidates, "candidate", "/candidates", "candidateId");
    if (!done) co_return done.error();
    done =
        co_await sync_list(cursor_.applications, "application", "/applications", "applicationId");
    if (!done) co_return done.error();
    // Before the placements: whatever is the matter with these, who was deleted there goes here.
    done = co_await take_deletions();
    if (!done) co_return done.error();
    done = co_await sync_placements();
    if (!done) co_return done.error();
    cursor_.last_finished = std::chrono::system_clock::now();
    cursor_.last_run = context_.run_token();
    auto saved = co_await save();
    co_return saved;
  }

 private:
  Awaitable<Result<void>> load() {
    auto cell = co_await parts_->connections->state()->get(cell_);
    if (!cell && cell.error().code() == Errc::not_found) co_return Result<void>();
    if (!cell) co_return cell.error();
    auto cursor = read_cursor(cell->text);
    if (!cursor) co_return cursor.error();
    cursor_ = *cursor;
    version_ = std::move(cell->version);
    co_return Result<void>();
  }

  /// `Errc::conflict`: another run has gone on with it; this one's lease is lost.
  Awaitable<Result<void>> save() {
    auto text = write_cursor(cursor_);
    auto written = co_await parts_->connections->state()->put(cell_, std::move(text), version_);
    if (!written) co_return written.error().with_context("the sync's cursor");
    version_ = std::move(*written);
    co_return Result<void>();
  }

  Result<void> go_on() const {
    if (!context_.stop_requested()) return {};
    return Error(Errc::cancelled, "told to stop");
  }

  /// Known ones are those that an earlier look has submitted already.
  Awaitable<Result<void>> submit(std::string entity, std::vector<jobs::NewJob> new_jobs) {
    if (new_jobs.empty()) co_return Result<void>();
    auto operation = parts_->store->insert(std::move(new_jobs));
    auto inserted = co_await on(parts_->store->runtime().executor(), std::move(operation));
    if (!inserted) co_return inserted.error().with_context("job store");
    std::size_t created = 0;
    std::size_t known = 0;
    for (const auto& answer : *inserted) {
      // A conflict is a record of that version, seen by another road: it is taken in all the same.
      if (!answer && answer.error().code() != Errc::conflict) co_return answer.error();
      const bool is_new = answer && answer->outcome == jobs::Inserted::Outcome::created;
      ++(is_new ? created : known);
    }
    count(entity, "new", created);
    count(entity, "known", known);
    co_return Result<void>();
  }

  void count(const std::string& entity, const char* outcome, std::size_t number) const {
    if (!parts_->metrics || number == 0) return;
    parts_->metrics
        ->counter("rwp_jobadder_sync_records_total",
                  "Records that a look at JobAdder's lists has found, by entity and outcome.",
                  {{"entity", entity}, {"outcome", outcome}})
        .add(static_cast<double>(number));
  }

  jobs::NewJob job_of(std::string entity, std::int64_t id, std::string version,
                      std::int64_t candidate_id = 0) const {
    JobAdderRecord record;
    record.entity = std::move(entity);
    record.id = id;
    record.version = std::move(version);
    return make_record_job(tenant_, std::move(record), candidate_id);
  }

  /// What was updated since the last pass, in the order of creation.
  Awaitable<Result<void>> sync_list(EntityCursor& cursor, std::string entity, std::string path,
                                    std::string id_member) {
    jobadder::Query query{{"sort", "createdAt"}};
    if (cursor.since) query.emplace_back("updatedAt", ">" + jobadder::format_time(*cursor.since));
    if (cursor.after) query.emplace_back("createdAt", ">" + jobadder::format_time(*cursor.after));
    jobadder::PageOptions options;
    options.id_member = id_member;
    Pages pages(client_, std::move(path), std::move(query), std::move(options));
    // Where JobAdder does not say what time it has.
    const WallTime now = std::chrono::system_clock::now();
    while (true) {
      if (auto may = go_on(); !may) co_return may.error();
      const auto records = co_await pages.next();
      if (!records) co_return records.error();
      std::optional<WallTime> created;
      std::vector<jobs::NewJob> found;
      for (const JsonText& record : *records) {
        const JsonDocument document(record);
        const auto id = document.root().find(id_member);
        const auto number = id ? id->as_int64() : std::nullopt;
        if (!number || *number < 1) {
          co_return Error(Errc::corrupt, "JobAdder's list: " + id_member + " is no id");
        }
        const auto when = jobadder::parse_time(text_in(document.root(), "createdAt"));
        if (when) created = std::max(created.value_or(*when), *when);
        found.push_back(job_of(entity, *number, text_in(document.root(), "updatedAt"),
                               candidate_of(document.root())));
      }
      // The jobs first: a cursor that is behind costs a look, one that is ahead a record.
      if (auto done = co_await submit(entity, std::move(found)); !done) co_return done.error();
      cursor.took(pages.began_at().value_or(now), created, records->size());
      if (records->empty()) cursor.finished(now);
      if (auto saved = co_await save(); !saved) co_return saved.error();
      if (records->empty()) co_return Result<void>();
      context_.progress(0, entity + ": " + std::to_string(cursor.seen) + " seen");
    }
  }

  /// Adverts have no time of update and cannot be filtered: all are listed, and told by a digest.
  Awaitable<Result<void>> sync_ads() {
    const std::string cell = jobadder_cell(tenant_, "job_ads");
    std::string version;
    AdDigests before;
    auto kept = co_await parts_->connections->state()->get(cell);
    if (!kept && kept.error().code() != Errc::not_found) co_return kept.error();
    if (kept) {
      auto digests = read_digests(kept->text);
      if (!digests) co_return digests.error();
      before = std::move(*digests);
      version = std::move(kept->version);
    }
    const AdDigests at_first = before;
    std::set<std::int64_t> listed;
    jobadder::PageOptions options;
    options.id_member = "adId";
    jobadder::Query query{{"embed", "self"}};
    Pages pages(client_, "/jobads", std::move(query), std::move(options));
    for (std::size_t number = 1;; ++number) {
      if (auto may = go_on(); !may) co_return may.error();
      const auto records = co_await pages.next();
      if (!records) co_return records.error();
      std::vector<jobs::NewJob> found;
      for (const JsonText& record : *records) {
        const JsonDocument document(record);
        const auto id = document.root().find("adId");
        const auto ad_id = id ? id->as_int64() : std::nullopt;
        if (!ad_id) co_return Error(Errc::corrupt, "JobAdder's list: adId is no id");
        listed.insert(*ad_id);
        std::string digest = to_hex(sha256(record.view())).substr(0, kDigestCharacters);
        auto& standing = before[*ad_id];
        if (standing == digest) continue;
        found.push_back(job_of("job_ad", *ad_id, digest));
        standing = std::move(digest);
      }
      if (auto done = co_await submit("job_ad", std::move(found)); !done) co_return done.error();
      cursor_.job_ads.took(pages.began_at(), std::nullopt, records->size());
      const bool last = records->empty();
      // One that was taken down is forgotten, so that it is new when it comes back.
      if (last) {
        std::erase_if(before, [&listed](const auto& ad) { return !listed.contains(ad.first); });
      }
      if (before != at_first && (last || number % kPagesBetweenDigests == 0)) {
        auto text = write_digests(before);
        auto written =
            co_await parts_->connections->state()->put(cell, std::move(text), std::move(version));
        if (!written) co_return written.error().with_context("the adverts' digests");
        version = std::move(*written);
      }
      if (last) break;
    }
    cursor_.job_ads.finished(std::chrono::system_clock::now());
    auto saved = co_await save();
    co_return saved;
  }

  /// Placements cannot be sorted: what was updated since the last pass is listed as a whole.
  Awaitable<Result<void>> sync_placements() {
    jobadder::Query query{{"approved", "true"}};
    EntityCursor& cursor = cursor_.placements;
    if (cursor.since) query.emplace_back("updatedAt", ">" + jobadder::format_time(*cursor.since));
    jobadder::PageOptions options;
    options.id_member = jobadder::Placement::kId;
    Pages pages(client_, std::string(jobadder::Placement::kPath), std::move(query),
                std::move(options));
    const WallTime now = std::chrono::system_clock::now();
    cursor.pass_began.reset();
    while (true) {
      if (auto may = go_on(); !may) co_return may.error();
      const auto records = co_await pages.next();
      // Whoever signed in may not be allowed to see them: the rest goes on without.
      if (!records && records.error().code() == Errc::permission_denied) {
        context_.log().warn("JobAdder's placements may not be read",
                            {{"error", records.error().to_string()}});
        co_return Result<void>();
      }
      if (!records) co_return records.error();
      std::vector<jobs::NewJob> found;
      for (const JsonText& record : *records) {
        const JsonDocument document(record);
        const auto id = document.root().find(jobadder::Placement::kId);
        const auto number = id ? id->as_int64() : std::nullopt;
        if (!number || *number < 1) {
          co_return Error(Errc::corrupt, "JobAdder's list: placementId is no id");
        }
        found.push_back(job_of("placement", *number, text_in(document.root(), "updatedAt"),
                               candidate_of(document.root())));
      }
      if (auto done = co_await submit("placement", std::move(found)); !done) {
        co_return done.error();
      }
      cursor.took(pages.began_at().value_or(now), std::nullopt, records->size());
      if (records->empty()) break;
    }
    cursor.finished(now);
    auto saved = co_await save();
    co_return saved;
  }

  /// JobAdder tells of deletions for 14 days; what is mirrored here goes, too.
  Awaitable<Result<void>> take_deletions() {
    auto list = co_await client_->get("/candidates/deleted");
    if (!list) co_return list.error();
    const JsonDocument document(*list);
    const auto items = document.root().find("items");
    auto latest = cursor_.deletions_since;
    for (std::size_t i = 0; items && i < items->size(); ++i) {
      const JsonView item = items->at(i);
      const auto id = item.find("candidateId");
      const auto number = id ? id->as_int64() : std::nullopt;
      const auto when = jobadder::parse_time(text_in(item, "deletedAt"));
      if (!number || !when) continue;
      // Of the same instant some may have been missing.
      if (cursor_.deletions_since && *when < *cursor_.deletions_since - kSyncOverlap) continue;
      latest = std::max(latest.value_or(*when), *when);
      if (auto may = go_on(); !may) co_return may.error();
      auto removed = co_await remove_candidate(parts_, tenant_, *number);
      if (!removed) co_return removed.error();
    }
    cursor_.deletions_since = latest;
    co_return Result<void>();
  }

  const SharedJobAdderParts parts_;
  jobs::JobContext& context_;
  const std::string tenant_;
  const std::shared_ptr<jobadder::Client> client_;
  const std::string cell_;
  SyncCursor cursor_;
  std::string version_;
};

void count_pass(const JobAdderParts& parts, const char* outcome) {
  if (!parts.metrics) return;
  parts.metrics
      ->counter("rwp_jobadder_sync_passes_total", "Looks at JobAdder's lists, by outcome.",
                {{"outcome", outcome}})
      .add();
  if (std::string_view(outcome) != "done") return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  parts.metrics
      ->gauge("rwp_jobadder_sync_done_timestamp_seconds",
              "When this process has last been through all of JobAdder's lists.")
      .set(std::chrono::duration<double>(now).count());
}

}  // namespace

Awaitable<Result<JsonText>> run_sync(SharedJobAdderParts parts, jobs::JobContext& context) {
  SyncRun run(parts, context);
  const auto done = co_await run.run();
  if (context.stop_reason() == jobs::StopReason::drain) co_return context.hand_back();
  if (context.stop_requested()) co_return Error(Errc::cancelled, "told to stop");
  if (done) {
    count_pass(*parts, "done");
    co_return context.snooze(parts->poll_every);
  }
  // The sync of a tenant goes on for ever: what fails now is looked at again.
  count_pass(*parts, "failed");
  const Error error = done.error();
  context.log().warn("JobAdder's lists could not be read to their end",
                     {{"error", error.to_string()}});
  constexpr std::chrono::milliseconds kSoon{15'000};
  const bool passes = error.retryable() || error.code() == Errc::conflict;
  auto wait = passes ? std::min(kSoon, parts->poll_every) : parts->poll_every;
  wait = std::max(wait, error.retry_after().value_or(wait));
  co_return context.snooze(wait);
}

}  // namespace rwp::pods
