#include "documents/load_document.hpp"

#include <rwp/documents/trouble.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace rwp::documents {
namespace {

constexpr const char* kProgramName = "rwp-document-reader";

Error file_error(const std::string& path, int code) {
  const std::string words = path + ": " + std::system_category().message(code);
  if (code == ENOENT || code == ENOTDIR) return Error(Errc::not_found, "no document " + words);
  if (code == EACCES) return Error(Errc::permission_denied, "cannot read document " + words);
  return Error(Errc::unavailable, "cannot read document " + words);
}

Error too_large(std::size_t size, std::size_t limit) {
  return trouble_error(Trouble::too_large, "the document has " + std::to_string(size) +
                                               " bytes; at most " + std::to_string(limit) +
                                               " are read");
}

Result<LoadedDocument> open_file(const std::string& path, std::size_t limit) {
  LoadedDocument document;
  // A FIFO would keep this thread waiting.
  document.file = OpenFile(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!document.file.is_open()) return file_error(path, errno);
  struct stat status {};
  if (fstat(document.file.descriptor(), &status) != 0) return file_error(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return Error(Errc::invalid_argument, "path is no regular file: " + path);
  }
  document.bytes = static_cast<std::size_t>(status.st_size);
  if (document.bytes > limit) return too_large(document.bytes, limit);
  return document;
}

}  // namespace

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<LoadedDocument> load_document(DocumentRequest& request) {
  const std::size_t limit = request.limits.max_document_bytes;
  if (request.content.empty() && !request.path.empty()) return open_file(request.path, limit);
  LoadedDocument document;
  document.bytes = request.content.size();
  if (document.bytes > limit) return too_large(document.bytes, limit);
  if (document.bytes == 0) return trouble_error(Trouble::empty, "the document has no bytes");
  document.content = std::move(request.content);
  return document;
}

Result<std::string> find_reader(const ReaderOptions& options) {
  std::vector<std::string> candidates;
  if (!options.program.empty()) {
    candidates.push_back(options.program);
  } else {
    std::error_code ignored;
    const auto own = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    candidates = {own / kProgramName, own.parent_path() / "libexec" / kProgramName,
                  RWP_DOCUMENT_READER};
  }
  std::string tried;
  for (const std::string& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    tried += (tried.empty() ? "" : ", ") + candidate;
  }
  return trouble_error(Trouble::reader_missing, "no reader program at " + tried);
}

}  // namespace rwp::documents
