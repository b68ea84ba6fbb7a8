#include "pods/enrichment_run.hpp"

#include "pods/ai_waiting.hpp"
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/typed.hpp>

#include <algorithm>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kBatch = 250;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20U;
constexpr std::size_t kWindow = 256;
constexpr auto kLookAgain = std::chrono::seconds(1);
constexpr std::size_t kMostFailureKinds = 1'000;

/// A service's id of the request tells nothing here, and would make each failure a reason of its
/// own.
std::string without_request_id(std::string text) {
  for (const std::string_view start : {" (request ", ", request "}) {
    const auto begin = text.find(start);
    const auto end = begin == std::string::npos ? begin : text.find(')', begin);
    if (end == std::string::npos) continue;
    text.erase(begin, end - begin + (start.front() == ' ' ? 1 : 0));
  }
  return text;
}

}  // namespace

EnrichmentRun::EnrichmentRun(Client& client, AdReader& reader, RejectsFile& rejects,
                             std::string basis)
    : client_(client), reader_(reader), rejects_(rejects), basis_(std::move(basis)) {}

Result<void> EnrichmentRun::submit_some() {
  std::vector<recruitment::JobAd> ads;
  std::vector<std::uint64_t> lines;
  std::size_t bytes = 0;
  while (ads.size() < kBatch && bytes < kBatchBytes) {
    auto item = reader_.next();
    if (!item) return item.error();
    if (!*item) {
      all_read_ = true;
      break;
    }
    ++read_;
    if (!(*item)->ad) {
      rejects_.add(**item);
      continue;
    }
    bytes += (*item)->ad->description.size();
    lines.push_back((*item)->line);
    ads.push_back(std::move(*(*item)->ad));
  }
  return ads.empty() ? Result<void>() : submit(std::move(ads), std::move(lines));
}

Result<void> EnrichmentRun::submit(std::vector<recruitment::JobAd> ads,
                                   std::vector<std::uint64_t> lines) {
  std::vector<jobs::NewJob> batch;
  batch.reserve(ads.size());
  for (const auto& ad : ads) {
    jobs::NewJob job = jobs::to_new_job(ad);
    job.queue = kAdsQueue;
    job.max_attempts = 8;
    if (may_wait_) job.tags.emplace_back(kCanWaitTag);
    const std::string key = to_hex(sha256(basis_ + '\0' + job.payload.str()));
    job.idempotency_key = "ad/" + key.substr(0, 40);
    digest_ = to_hex(sha256(digest_ + key));
    batch.push_back(std::move(job));
  }
  auto answers = client_.submit_many(std::move(batch));
  if (!answers) return answers.error();
  for (std::size_t i = 0; i < answers->size(); ++i) {
    const auto& answer = (*answers)[i];
    if (!answer) {
      if (answer.error().retryable()) return answer.error();
      InputItem refused;
      refused.line = lines[i];
      refused.rejected_id = ads[i].id;
      refused.reason = answer.error().message();
      rejects_.add(refused);
      continue;
    }
    Entry entry;
    entry.ad_id = std::move(ads[i].id);
    entry.job = answer->id;
    entry.from_before = answer->outcome != jobs::Inserted::Outcome::created;
    open_.push_back(entries_.size());
    entries_.push_back(std::move(entry));
  }
  return {};
}

void EnrichmentRun::fail(Entry& entry, const std::string& reason) {
  entry.state = State::failed;
  ++failed_;
  if (failures_.size() < kMostFailureKinds || failures_.find(reason) != failures_.end()) {
    ++failures_[reason];
  }
}

bool EnrichmentRun::settle(Entry& entry, const Result<jobs::Job>& job) {
  if (!job) {
    fail(entry, job.error().message());
    return false;
  }
  switch (job->state) {
    case jobs::JobState::succeeded:
      entry.state = State::succeeded;
      ++succeeded_;
      return false;
    case jobs::JobState::failed:
    case jobs::JobState::cancelled: {
      if (entry.from_before) {
        // Whoever runs the command again asks for another try.
        entry.from_before = false;
        if (client_.retry(entry.job)) return false;
      }
      std::string reason = std::string(enum_name(job->state));
      if (job->end_reason == jobs::EndReason::crashed) reason = "crashed its process";
      if (!job->errors.empty()) reason = without_request_id(job->errors.back().message);
      fail(entry, reason);
      return false;
    }
    case jobs::JobState::scheduled:
    case jobs::JobState::parked:
      return true;
    default:
      return false;
  }
}

Result<void> EnrichmentRun::follow_some(std::deque<std::size_t>& places, std::size_t most,
                                        std::chrono::milliseconds wait) {
  std::vector<std::size_t> window(
      places.begin(), places.begin() + static_cast<std::ptrdiff_t>(std::min(most, places.size())));
  if (window.empty()) return {};
  std::vector<Uuid> ids;
  ids.reserve(window.size());
  for (const auto place : window) ids.push_back(entries_[place].job);
  auto jobs = client_.wait_all(std::move(ids), wait);
  if (!jobs) return jobs.error();
  places.erase(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(window.size()));
  std::vector<std::size_t> still;
  for (std::size_t i = 0; i < window.size(); ++i) {
    Entry& entry = entries_[window[i]];
    const bool waits = settle(entry, (*jobs)[i]);
    if (entry.state != State::open) continue;
    if (waits) {
      later_.push_back(window[i]);
    } else {
      still.push_back(window[i]);
    }
  }
  open_.insert(open_.begin(), still.begin(), still.end());
  return {};
}

Result<void> EnrichmentRun::follow(std::chrono::milliseconds wait) {
  const auto now = std::chrono::steady_clock::now();
  if (!later_.empty() && now >= later_at_) {
    later_at_ = now + kLookAgain;
    // As a list of its own, as those that still wait come back to later_.
    std::deque<std::size_t> look;
    look.swap(later_);
    while (!look.empty()) {
      auto followed = follow_some(look, kWindow, std::chrono::milliseconds(0));
      if (!followed) {
        later_.insert(later_.end(), look.begin(), look.end());
        return followed;
      }
    }
  }
  return follow_some(open_, kWindow, wait);
}

RunProgress EnrichmentRun::progress() const {
  RunProgress progress;
  progress.read = read_;
  progress.rejected = rejects_.count();
  progress.submitted = entries_.size();
  progress.succeeded = succeeded_;
  progress.failed = failed_;
  progress.all_read = all_read_;
  if (reader_.total_bytes() > 0) {
    progress.read_share =
        static_cast<double>(reader_.bytes_read()) / static_cast<double>(reader_.total_bytes());
  }
  return progress;
}

std::vector<std::string> EnrichmentRun::enriched_ids() const {
  std::vector<std::string> ids;
  for (const auto& entry : entries_) {
    if (entry.state == State::succeeded) ids.push_back(entry.ad_id);
  }
  return ids;
}

std::vector<Tally> EnrichmentRun::failures() const {
  std::vector<Tally> tallies;
  for (const auto& [reason, count] : failures_)
    tallies.push_back({reason, std::string(), count, 0});
  std::stable_sort(tallies.begin(), tallies.end(),
                   [](const Tally& a, const Tally& b) { return a.count > b.count; });
  return tallies;
}

}  // namespace rwp::pods
