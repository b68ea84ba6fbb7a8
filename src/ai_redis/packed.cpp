#include "ai_redis/packed.hpp"

#include <cstdint>
#include <zlib.h>

namespace rwp::ai_redis {
namespace {

// A letter says how it is kept; behind kDeflated stand four bytes for the size, the lowest first.
constexpr char kPlain = 'p';
constexpr char kDeflated = 'z';
constexpr std::size_t kHeadBytes = 5;
constexpr std::size_t kMostBytes = std::size_t{1} << 30U;

/// The fastest: the next level takes twice the time for a tenth of the bytes.
constexpr int kLevel = 1;

std::optional<std::string> deflate(std::string_view answer) {
  std::string out(1, kDeflated);
  for (unsigned i = 0; i < 4; ++i) out += static_cast<char>((answer.size() >> (8 * i)) & 0xFFU);
  uLongf size = compressBound(static_cast<uLong>(answer.size()));
  out.resize(kHeadBytes + size);
  // zlib's interface is of unsigned bytes.
  auto* to = reinterpret_cast<Bytef*>(out.data() + kHeadBytes);
  const auto* from = reinterpret_cast<const Bytef*>(answer.data());
  if (compress2(to, &size, from, static_cast<uLong>(answer.size()), kLevel) != Z_OK) return {};
  out.resize(kHeadBytes + size);
  return out;
}

std::optional<std::string> inflate(std::string_view kept, std::size_t max_bytes) {
  if (kept.size() < kHeadBytes) return {};
  std::size_t size = 0;
  for (unsigned i = 0; i < 4; ++i) {
    size |= std::size_t{static_cast<unsigned char>(kept[1 + i])} << (8 * i);
  }
  if (size > max_bytes) return {};
  std::string out(size, '\0');
  auto written = static_cast<uLongf>(size);
  auto* to = reinterpret_cast<Bytef*>(out.data());
  const auto* from = reinterpret_cast<const Bytef*>(kept.data() + kHeadBytes);
  const int outcome = uncompress(to, &written, from, static_cast<uLong>(kept.size() - kHeadBytes));
  if (outcome != Z_OK || written != size) return {};
  return out;
}

}  // namespace

std::string pack(std::string_view answer, std::size_t compress_from) {
  if (compress_from > 0 && answer.size() >= compress_from && answer.size() < kMostBytes) {
    auto deflated = deflate(answer);
    if (deflated && deflated->size() < answer.size()) return std::move(*deflated);
  }
  std::string out(1, kPlain);
  out += answer;
  return out;
}

std::optional<std::string> unpack(std::string_view kept, std::size_t max_bytes) {
  if (kept.empty()) return {};
  if (kept.front() == kDeflated) return inflate(kept, max_bytes);
  if (kept.front() != kPlain || kept.size() - 1 > max_bytes) return {};
  return std::string(kept.substr(1));
}

}  // namespace rwp::ai_redis
