#include "pods/rejects_file.hpp"

#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace rwp::pods {

Result<std::unique_ptr<RejectsFile>> RejectsFile::create(std::string path) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    const int code = errno;
    const bool denied = code == EACCES || code == EROFS || code == EPERM;
    return Error(denied ? Errc::permission_denied : Errc::unavailable,
                 path + ": " + std::strerror(code));
  }
  return std::unique_ptr<RejectsFile>(new RejectsFile(std::move(path), file));
}

void RejectsFile::add(const InputItem& item) {
  ++count_;
  constexpr std::size_t kMostReasons = 1'000;
  if (reasons_.size() < kMostReasons || reasons_.find(item.reason) != reasons_.end()) {
    ++reasons_[item.reason];
  }
  JsonWriter out;
  out.begin_object().member("line", item.line);
  if (!item.rejected_id.empty()) out.member("id", std::string_view(item.rejected_id));
  out.member("reason", std::string_view(item.reason)).end_object();
  const std::string line = out.finish().release() + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) failed_ = true;
}

Result<void> RejectsFile::close() {
  if (file_ && (std::fflush(file_.get()) != 0 || ::fdatasync(::fileno(file_.get())) != 0)) {
    failed_ = true;
  }
  const int code = errno;
  file_.reset();
  if (failed_) return Error(Errc::unavailable, path_ + ": " + std::strerror(code));
  return {};
}

std::vector<Tally> RejectsFile::reasons() const {
  std::vector<Tally> tallies;
  for (const auto& [reason, count] : reasons_) tallies.push_back({reason, std::string(), count, 0});
  std::stable_sort(tallies.begin(), tallies.end(),
                   [](const Tally& a, const Tally& b) { return a.count > b.count; });
  return tallies;
}

}  // namespace rwp::pods
