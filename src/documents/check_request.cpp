#include "documents/check_request.hpp"

#include <array>
#include <string>

namespace rwp::documents {
namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

template <class T>
Result<void> check_range(std::string_view name, T value, T least, T most, std::string_view unit) {
  if (value >= least && value <= most) return {};
  return Error(Errc::invalid_argument, "limits." + std::string(name) + " must be from " +
                                           std::to_string(least) + " to " + std::to_string(most) +
                                           std::string(unit));
}

}  // namespace

Result<void> check_request(const DocumentRequest& request) {
  const Limits& limits = request.limits;
  const std::array checks{
      check_range("max_document_bytes", limits.max_document_bytes, std::size_t{1}, 256 * kMebibyte,
                  " bytes"),
      check_range("max_text_bytes", limits.max_text_bytes, std::size_t{1}, 64 * kMebibyte,
                  " bytes"),
      check_range("max_memory_bytes", limits.max_memory_bytes, 64 * kMebibyte, 65'536 * kMebibyte,
                  " bytes"),
      check_range("max_cpu_time", limits.max_cpu_time.count(), std::int64_t{1},
                  std::int64_t{86'400}, " s"),
      check_range("max_wall_time", limits.max_wall_time.count(), std::int64_t{1},
                  std::int64_t{86'400'000}, " ms"),
      check_range("max_pages", limits.max_pages, std::size_t{1}, std::size_t{1'000'000}, ""),
  };
  for (const auto& check : checks) {
    if (!check) return check.error();
  }
  return {};
}

}  // namespace rwp::documents
