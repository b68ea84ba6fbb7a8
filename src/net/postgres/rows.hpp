#pragma once

#include <rwp/core/uuid.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct pg_result;

namespace rwp::net_postgres {

/// What one statement answered, in the binary format. Views live as long as this object.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result) : result_(result) {}

  std::size_t size() const;
  /// Rows that a statement changed.
  std::int64_t changed() const;

  bool is_null(std::size_t row, int column) const;
  /// smallint, integer and bigint; 0 for null.
  std::int64_t integer(std::size_t row, int column) const;
  bool boolean(std::size_t row, int column) const;
  double real(std::size_t row, int column) const;
  /// text and bytea; empty for null.
  std::string_view text(std::size_t row, int column) const;
  Uuid uuid(std::size_t row, int column) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace rwp::net_postgres
