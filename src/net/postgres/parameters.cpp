#include "net/postgres/parameters.hpp"

#include <bit>
#include <utility>

namespace rwp::net_postgres {
namespace {

constexpr std::size_t kHeaderBytes = 20;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>((value >> static_cast<unsigned>(shift)) & 0xFFU);
  }
}

std::string encoded(std::uint64_t value, int bytes) {
  std::string out;
  put(out, value, bytes);
  return out;
}

/// The elements' type in pg_type; these never change.
std::uint32_t type_of(Array::Of elements) {
  switch (elements) {
    case Array::Of::small_integers:
      return 21;
    case Array::Of::integers:
      return 23;
    case Array::Of::big_integers:
      return 20;
    case Array::Of::uuids:
      return 2950;
    case Array::Of::texts:
      return 25;
    default:
      return 17;
  }
}

std::string_view bytes_of(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

}  // namespace

Array::Array(Of elements) : elements_(elements), bytes_(kHeaderBytes, '\0') {}

void Array::reserve(std::size_t elements, std::size_t bytes_each) {
  bytes_.reserve(kHeaderBytes + elements * (bytes_each + 4));
}

void Array::add(std::int64_t value) {
  const int width = elements_ == Of::small_integers ? 2 : elements_ == Of::integers ? 4 : 8;
  put(bytes_, static_cast<std::uint64_t>(width), 4);
  put(bytes_, static_cast<std::uint64_t>(value), width);
  ++count_;
}

void Array::add(std::string_view text) {
  put(bytes_, text.size(), 4);
  bytes_ += text;
  ++count_;
}

void Array::add(const Uuid& id) { add(bytes_of(id)); }

void Array::add_null() {
  put(bytes_, 0xFFFFFFFFU, 4);
  has_null_ = true;
  ++count_;
}

std::string Array::finish() && {
  std::string header;
  put(header, count_ == 0 ? 0 : 1, 4);
  put(header, has_null_ ? 1 : 0, 4);
  put(header, type_of(elements_), 4);
  if (count_ == 0) return header;
  put(header, count_, 4);
  put(header, 1, 4);
  bytes_.replace(0, kHeaderBytes, header);
  return std::move(bytes_);
}

Parameters& Parameters::null() {
  values_.emplace_back(std::nullopt);
  return *this;
}

Parameters& Parameters::integer(int value) {
  values_.emplace_back(encoded(static_cast<std::uint64_t>(value), 4));
  return *this;
}

Parameters& Parameters::big_integer(std::int64_t value) {
  values_.emplace_back(encoded(static_cast<std::uint64_t>(value), 8));
  return *this;
}

Parameters& Parameters::big_integer(std::optional<std::int64_t> value) {
  return value ? big_integer(*value) : null();
}

Parameters& Parameters::boolean(bool value) {
  values_.emplace_back(std::string(1, value ? '\1' : '\0'));
  return *this;
}

Parameters& Parameters::real(double value) {
  return big_integer(std::bit_cast<std::int64_t>(value));
}

Parameters& Parameters::text(std::string value) {
  values_.emplace_back(std::move(value));
  return *this;
}

Parameters& Parameters::text_or_null(std::string value) {
  return value.empty() ? null() : text(std::move(value));
}

Parameters& Parameters::uuid(const Uuid& id) { return text(std::string(bytes_of(id))); }

Parameters& Parameters::array(Array value) { return text(std::move(value).finish()); }

std::size_t Parameters::bytes() const noexcept {
  std::size_t sum = 0;
  for (const auto& value : values_) sum += value ? value->size() : 0;
  return sum;
}

}  // namespace rwp::net_postgres
