#pragma once

#include <rwp/core/error.hpp>
#include <rwp/documents/read_document.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace rwp::documents {

/// Owns the descriptor of a file; -1 is none.
class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int descriptor) noexcept : descriptor_(descriptor) {}
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const noexcept { return descriptor_; }
  bool is_open() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

/// Either the document's bytes or its open file, which the reader reads for itself: this thread
/// does not wait for a disk.
struct LoadedDocument {
  std::string content{};
  OpenFile file{};
  std::size_t bytes = 0;
};

/// The request's document, within its limit: `Trouble::too_large`, before anything is read of a
/// larger file. `Errc::not_found`, `Errc::permission_denied`, `Errc::invalid_argument` (no regular
/// file).
Result<LoadedDocument> load_document(DocumentRequest& request);

/// The reader program that the options name, or the first that is there of those beside this
/// process's own and the installed one. `Trouble::reader_missing` names all.
Result<std::string> find_reader(const ReaderOptions& options);

}  // namespace rwp::documents
