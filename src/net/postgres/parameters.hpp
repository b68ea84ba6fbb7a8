#pragma once

#include <rwp/core/uuid.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::net_postgres {

/// An array parameter in PostgreSQL's binary format, made element by element.
class Array {
 public:
  enum class Of : std::uint8_t { small_integers, integers, big_integers, uuids, texts, bytes };

  explicit Array(Of elements);

  void reserve(std::size_t elements, std::size_t bytes_each);
  void add(std::int64_t value);  ///< As wide as the elements.
  void add(int value) { add(std::int64_t{value}); }
  void add(const Uuid& id);
  void add(std::string_view text);
  void add_null();
  void add_or_null(std::string_view text) { text.empty() ? add_null() : add(text); }
  void add_or_null(std::int64_t value) { value == 0 ? add_null() : add(value); }

  std::size_t size() const noexcept { return count_; }
  /// The finished value.
  std::string finish() &&;

 private:
  Of elements_;
  std::string bytes_;
  std::uint32_t count_ = 0;
  bool has_null_ = false;
};

/// The parameters of one statement, in the binary format; the statement casts each to its type.
class Parameters {
 public:
  Parameters& null();
  Parameters& integer(int value);               ///< integer
  Parameters& big_integer(std::int64_t value);  ///< bigint
  Parameters& big_integer(std::optional<std::int64_t> value);
  Parameters& boolean(bool value);
  Parameters& real(double value);  ///< double precision
  Parameters& text(std::string value);
  Parameters& text_or_null(std::string value);
  Parameters& uuid(const Uuid& id);
  Parameters& array(Array value);

  std::size_t size() const noexcept { return values_.size(); }
  const std::optional<std::string>& operator[](std::size_t at) const { return values_[at]; }
  std::size_t bytes() const noexcept;

 private:
  std::vector<std::optional<std::string>> values_;
};

}  // namespace rwp::net_postgres
