#pragma once

#include "pods/ad_reader.hpp"
#include "pods/ad_statistics.hpp"
#include "pods/progress_display.hpp"
#include "pods/rejects_file.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/jobs/client.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace rwp::pods {

/// Where jobs of adverts stand.
constexpr const char* kAdsQueue = "job_ads";

/// Submits the adverts of an input and follows them to their ends.
///
/// An advert's idempotency key is made of its content, the prompt, the model's URL and the run's
/// name: the same command run again finds the same jobs, whatever became of the process before; a
/// changed advert is a new job.
/// Threads: one at a time. Lifetime: client, reader and rejects outlive it.
class EnrichmentRun {
 public:
  /// `basis`: what besides the advert decides whether it is to be enriched anew.
  EnrichmentRun(Client& client, AdReader& reader, RejectsFile& rejects, std::string basis);

  /// The jobs to come may wait for batches.
  void let_wait() { may_wait_ = true; }

  /// Reads and submits the next adverts. Errors: of the input, or of the store (nothing is lost:
  /// run it again).
  Result<void> submit_some();
  /// Looks what has ended, waiting for at most `wait`. Jobs that had failed in an earlier run are
  /// tried again.
  Result<void> follow(std::chrono::milliseconds wait);

  bool all_read() const noexcept { return all_read_; }
  bool done() const noexcept { return all_read_ && open_.empty() && later_.empty(); }
  RunProgress progress() const;

  /// Ids of the adverts that succeeded, in the input's order.
  std::vector<std::string> enriched_ids() const;
  std::size_t read() const noexcept { return read_; }
  std::size_t failed() const noexcept { return failed_; }
  /// Why adverts failed, most frequent first.
  std::vector<Tally> failures() const;
  /// Names the input by its content: the same adverts in the same order, the same digits.
  std::string content_digest() const { return digest_.substr(0, 8); }

 private:
  enum class State : std::uint8_t { open, succeeded, failed };
  struct Entry {
    std::string ad_id{};
    Uuid job{};
    State state = State::open;
    /// There before this process submitted it; when it has failed, it is tried once more.
    bool from_before = false;
  };

  Result<void> submit(std::vector<recruitment::JobAd> ads, std::vector<std::uint64_t> lines);
  /// Whether the entry stays open, and is not worth a look soon.
  bool settle(Entry& entry, const Result<jobs::Job>& job);
  Result<void> follow_some(std::deque<std::size_t>& places, std::size_t most,
                           std::chrono::milliseconds wait);
  void fail(Entry& entry, const std::string& reason);

  Client& client_;
  AdReader& reader_;
  RejectsFile& rejects_;
  const std::string basis_;
  std::vector<Entry> entries_;
  /// Places in entries_: those to look at first, and those that wait for a retry.
  std::deque<std::size_t> open_;
  std::deque<std::size_t> later_;
  std::chrono::steady_clock::time_point later_at_{};
  std::map<std::string, std::size_t> failures_;
  std::string digest_ = std::string(8, '0');
  std::size_t read_ = 0;
  std::size_t succeeded_ = 0;
  std::size_t failed_ = 0;
  bool all_read_ = false;
  bool may_wait_ = false;
};

}  // namespace rwp::pods
