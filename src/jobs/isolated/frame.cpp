#include "jobs/isolated/frame.hpp"

#include <cstdint>

namespace rwp::jobs::isolation {
namespace {

constexpr std::size_t kLengthBytes = 4;

}  // namespace

std::string to_frame(std::string_view message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string frame;
  frame.reserve(kLengthBytes + message.size());
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    frame.push_back(static_cast<char>((size >> shift) & 0xFFU));
  }
  frame += message;
  return frame;
}

Result<std::optional<std::string>> FrameReader::next() {
  if (unread_.size() < kLengthBytes) return std::optional<std::string>();
  std::size_t size = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    size = (size << 8U) | static_cast<unsigned char>(unread_[i]);
  }
  if (size > max_bytes_) {
    return Error(Errc::corrupt, "a message of " + std::to_string(size) + " bytes; at most " +
                                    std::to_string(max_bytes_) + " are taken");
  }
  if (unread_.size() < kLengthBytes + size) return std::optional<std::string>();
  std::optional<std::string> message(unread_.substr(kLengthBytes, size));
  unread_.erase(0, kLengthBytes + size);
  return message;
}

}  // namespace rwp::jobs::isolation
