#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::net_redis {

/// A command and its arguments; bytes of any value. A value.
class Command {
 public:
  explicit Command(std::string_view name) { add(name); }

  Command& add(std::string_view word) {
    bytes_ += word;
    sizes_.push_back(word.size());
    return *this;
  }
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Command& add(T number) {
    return add(std::string_view(std::to_string(number)));
  }

  std::string_view name() const noexcept {
    return std::string_view(bytes_).substr(0, sizes_.front());
  }
  std::size_t words() const noexcept { return sizes_.size(); }
  /// Appends what goes over the wire.
  void encode_to(std::string& out) const;

 private:
  std::string bytes_;
  std::vector<std::size_t> sizes_;
};

/// command("SET", key, value, "PX", 250).
template <class... Words>
Command command(std::string_view name, const Words&... words) {
  Command made(name);
  (made.add(words), ...);
  return made;
}

}  // namespace rwp::net_redis
