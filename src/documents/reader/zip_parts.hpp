#pragma once

#include <rwp/core/error.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct zip;

namespace rwp::documents::reader {

/// The parts of a ZIP archive in memory. All that is unpacked of it together is bounded, so a bomb
/// goes off nowhere, however its parts overlap or say they are small.
class ZipParts {
 public:
  static constexpr std::size_t kMaxParts = 10'000;
  static constexpr std::size_t kMaxUnpackedBytes = std::size_t{64} << 20;

  /// The errors are those of `Trouble`. Lifetime: `content` outlives the object.
  static Result<ZipParts> open(std::string_view content);

  bool has(std::string_view name) const;
  const std::vector<std::string>& names() const noexcept { return names_; }
  Result<std::string> unpack(const std::string& name);

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  std::unique_ptr<zip, Close> archive_;
  std::vector<std::string> names_;
  std::size_t unpacked_bytes_ = 0;
};

}  // namespace rwp::documents::reader
