#pragma once

#include <rwp/core/sha256.hpp>

#include <memory>
#include <string_view>

namespace rwp {

/// SHA-256 of what comes piece by piece.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&& other) noexcept;
  Sha256Stream& operator=(Sha256Stream&& other) noexcept;

  void update(std::string_view bytes);
  /// Once; nothing comes after it.
  Sha256 finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace rwp
