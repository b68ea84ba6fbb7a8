#pragma once

#include <rwp/testing/fake_openai.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::testing {

/// A file that the fake keeps.
struct FakeFile {
  std::string id{};
  std::string filename{};
  std::string purpose{};
  std::string content{};
  std::chrono::steady_clock::time_point visible_at{};
};

/// A batch that the fake keeps.
struct FakeBatch {
  std::string id{};
  std::string endpoint{};
  std::string input_file_id{};
  std::string output_file_id{};
  std::string error_file_id{};
  /// `validating`, `in_progress`, …
  std::string status = "in_progress";
  std::string reason{};
  std::vector<std::pair<std::string, std::string>> metadata{};
  FakeBatchStep step{};
  std::uint64_t total = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  /// Somebody works at it.
  bool running = false;
  std::chrono::steady_clock::time_point visible_at{};
  std::chrono::steady_clock::time_point due_at{};
};

/// Files and batches, and what is to happen to them. Threads: safe to share; what is answered is a
/// copy.
class FakeShelf {
 public:
  explicit FakeShelf(FakeBatchOptions options) : options_(options) {}

  bool play(bool uploads, const std::vector<FakeBatchStep>& steps);
  FakeBatchStep next(bool upload);

  /// Gives the file its id; it is seen from then on, or `late` after.
  FakeFile put(FakeFile file, std::chrono::milliseconds late = std::chrono::milliseconds(0));
  std::optional<FakeFile> file(const std::string& id) const;
  bool remove(const std::string& id);
  /// Newest first, those that may be seen by now, without their contents.
  std::vector<FakeFile> files() const;

  FakeBatch add(FakeBatch batch, std::chrono::milliseconds late = std::chrono::milliseconds(0));
  std::optional<FakeBatch> batch(const std::string& id) const;
  std::vector<FakeBatch> batches() const;
  void change(const FakeBatch& batch);
  /// One whose time has come, marked as running; none: nothing is due.
  std::optional<FakeBatch> take_due();

  void deliver_late();
  void end_batches();
  std::uint64_t batch_count() const;

 private:
  static std::string name_of(const char* prefix, std::uint64_t number);

  const FakeBatchOptions options_;
  mutable std::mutex mutex_;
  std::deque<FakeBatchStep> upload_script_;
  std::deque<FakeBatchStep> batch_script_;
  std::map<std::string, FakeFile> files_;
  std::map<std::string, FakeBatch> batches_;
  std::uint64_t next_ = 0;
};

}  // namespace rwp::testing
