#pragma once

#include "pods/ad_reader.hpp"
#include "pods/ad_statistics.hpp"
#include <rwp/core/error.hpp>

#include <cstddef>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rwp::pods {

/// The lines of an input that were refused, one JSON object a line: line, id, reason. Made anew for
/// each run. Threads: one at a time.
class RejectsFile {
 public:
  static Result<std::unique_ptr<RejectsFile>> create(std::string path);

  void add(const InputItem& item);
  /// Writes all to disk. `Errc::unavailable`: the disk is full, or failed.
  Result<void> close();

  std::size_t count() const noexcept { return count_; }
  const std::string& path() const noexcept { return path_; }
  /// Why lines were refused, most frequent first.
  std::vector<Tally> reasons() const;

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const noexcept {
      (void)std::fclose(file);  // NOLINT(cppcoreguidelines-owning-memory): this is the owner.
    }
  };
  RejectsFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}

  const std::string path_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::size_t count_ = 0;
  bool failed_ = false;
  std::map<std::string, std::size_t> reasons_;
};

}  // namespace rwp::pods
