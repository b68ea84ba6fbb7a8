#include "testing_openai/fake_shelf.hpp"

#include <algorithm>

namespace rwp::testing {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMostSteps = 10'000;
constexpr std::size_t kMostKept = 10'000;

}  // namespace

std::string FakeShelf::name_of(const char* prefix, std::uint64_t number) {
  // In the order in which they are made, also as texts.
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < 8 ? 8 - digits.size() : 0, '0');
  return prefix + digits;
}

bool FakeShelf::play(bool uploads, const std::vector<FakeBatchStep>& steps) {
  const std::lock_guard lock(mutex_);
  auto& script = uploads ? upload_script_ : batch_script_;
  if (script.size() + steps.size() > kMostSteps) return false;
  script.insert(script.end(), steps.begin(), steps.end());
  return true;
}

FakeBatchStep FakeShelf::next(bool upload) {
  const std::lock_guard lock(mutex_);
  auto& script = upload ? upload_script_ : batch_script_;
  if (script.empty()) return {};
  const FakeBatchStep step = script.front();
  script.pop_front();
  return step;
}

FakeFile FakeShelf::put(FakeFile file, std::chrono::milliseconds late) {
  const std::lock_guard lock(mutex_);
  file.id = name_of("file-", ++next_);
  file.visible_at = steady_clock::now() + late;
  if (files_.size() >= kMostKept) files_.erase(files_.begin());
  files_[file.id] = file;
  return file;
}

std::optional<FakeFile> FakeShelf::file(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(id);
  if (found == files_.end() || found->second.visible_at > steady_clock::now()) return std::nullopt;
  return found->second;
}

bool FakeShelf::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return files_.erase(id) > 0;
}

std::vector<FakeFile> FakeShelf::files() const {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  std::vector<FakeFile> seen;
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    if (file->second.visible_at > now) continue;
    FakeFile shown = file->second;
    shown.content = std::to_string(shown.content.size());
    seen.push_back(std::move(shown));
  }
  return seen;
}

FakeBatch FakeShelf::add(FakeBatch batch, std::chrono::milliseconds late) {
  const std::lock_guard lock(mutex_);
  batch.id = name_of("batch_", ++next_);
  batch.visible_at = steady_clock::now() + late;
  batch.due_at = batch.visible_at + options_.takes;
  if (batches_.size() >= kMostKept) batches_.erase(batches_.begin());
  batches_[batch.id] = batch;
  return batch;
}

std::optional<FakeBatch> FakeShelf::batch(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = batches_.find(id);
  if (found == batches_.end() || found->second.visible_at > steady_clock::now()) {
    return std::nullopt;
  }
  return found->second;
}

std::vector<FakeBatch> FakeShelf::batches() const {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  std::vector<FakeBatch> seen;
  for (auto batch = batches_.rbegin(); batch != batches_.rend(); ++batch) {
    if (batch->second.visible_at <= now) seen.push_back(batch->second);
  }
  return seen;
}

void FakeShelf::change(const FakeBatch& batch) {
  const std::lock_guard lock(mutex_);
  batches_[batch.id] = batch;
}

std::optional<FakeBatch> FakeShelf::take_due() {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  for (auto& [id, batch] : batches_) {
    if (batch.running || batch.due_at > now) continue;
    if (batch.status != "in_progress" && batch.status != "cancelling") continue;
    batch.running = true;
    return batch;
  }
  return std::nullopt;
}

void FakeShelf::deliver_late() {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  for (auto& [id, file] : files_) file.visible_at = std::min(file.visible_at, now);
  for (auto& [id, batch] : batches_) {
    if (batch.visible_at <= now) continue;
    batch.visible_at = now;
    batch.due_at = now + options_.takes;
  }
}

void FakeShelf::end_batches() {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  for (auto& [id, batch] : batches_) batch.due_at = std::min(batch.due_at, now);
}

std::uint64_t FakeShelf::batch_count() const {
  const std::lock_guard lock(mutex_);
  return batches_.size();
}

}  // namespace rwp::testing
