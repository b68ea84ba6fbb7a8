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

struct Closer {
  int descriptor;
  ~Closer() { close(descriptor); }
};

Result<std::string> load_file(const std::string& path, std::size_t limit) {
  // A FIFO would keep this thread waiting.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return file_error(path, errno);
  const Closer closer{descriptor};
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return file_error(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return Error(Errc::invalid_argument, "path is no regular file: " + path);
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > limit) return too_large(size, limit);
  std::string content(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = read(descriptor, content.data() + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}

}  // namespace

Result<std::string> load_document(DocumentRequest& request) {
  const std::size_t limit = request.limits.max_document_bytes;
  if (request.content.empty() && !request.path.empty()) return load_file(request.path, limit);
  if (request.content.size() > limit) return too_large(request.content.size(), limit);
  if (request.content.empty()) {
    return trouble_error(Trouble::empty, "the document has no bytes");
  }
  return std::move(request.content);
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
