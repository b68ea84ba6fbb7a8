#include "net/postgres/rows.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <libpq-fe.h>

namespace rwp::net_postgres {

void Rows::Clear::operator()(PGresult* result) const { PQclear(result); }

std::size_t Rows::size() const {
  return result_ ? static_cast<std::size_t>(PQntuples(result_.get())) : 0;
}

std::int64_t Rows::changed() const {
  return result_ ? std::strtoll(PQcmdTuples(result_.get()), nullptr, 10) : 0;
}

bool Rows::is_null(std::size_t row, int column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), column) != 0;
}

std::string_view Rows::text(std::size_t row, int column) const {
  const int at = static_cast<int>(row);
  return {PQgetvalue(result_.get(), at, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), at, column))};
}

std::int64_t Rows::integer(std::size_t row, int column) const {
  const std::string_view bytes = text(row, column);
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8U) | static_cast<unsigned char>(byte);
  switch (bytes.size()) {
    case 2:
      return static_cast<std::int16_t>(value);
    case 4:
      return static_cast<std::int32_t>(value);
    default:
      return static_cast<std::int64_t>(value);
  }
}

bool Rows::boolean(std::size_t row, int column) const {
  const std::string_view bytes = text(row, column);
  return !bytes.empty() && bytes.front() != 0;
}

double Rows::real(std::size_t row, int column) const {
  return std::bit_cast<double>(integer(row, column));
}

Uuid Rows::uuid(std::size_t row, int column) const {
  Uuid id;
  const std::string_view bytes = text(row, column);
  if (bytes.size() == id.bytes.size()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

}  // namespace rwp::net_postgres
