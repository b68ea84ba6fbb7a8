#include "pods/setting.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace rwp::pods {

Result<std::string> read_value_file(const std::string& path) {
  constexpr std::size_t kLargest = std::size_t{64} << 10U;
  // Without blocking: a FIFO would wait for its writer.
  const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (opened < 0) {
    return Error(Errc::invalid_argument, "cannot be read: " + std::string(std::strerror(errno)));
  }
  struct Close {
    int descriptor;
    ~Close() { ::close(descriptor); }
  } const closed{opened};
  struct stat status {};
  if (::fstat(opened, &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error(Errc::invalid_argument, "must be a regular file");
  }
  if ((status.st_mode & S_IWOTH) != 0) {
    return Error(Errc::invalid_argument, "must not be writable by others: chmod o-w");
  }
  std::string content;
  std::array<char, 4'096> block{};
  while (content.size() <= kLargest) {
    const auto count = ::read(opened, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Error(Errc::invalid_argument, "cannot be read: " + std::string(std::strerror(errno)));
    }
    if (count == 0) break;
    content.append(block.data(), static_cast<std::size_t>(count));
  }
  if (content.size() > kLargest) {
    return Error(Errc::invalid_argument, "must be at most 64 KiB");
  }
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) {
    content.pop_back();
  }
  if (content.empty()) return Error(Errc::invalid_argument, "must not be empty");
  return content;
}

}  // namespace rwp::pods
