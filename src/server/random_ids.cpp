#include "server/random_ids.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rwp::server {
namespace {

std::mt19937_64 make_engine() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

RandomIds::RandomIds() : engine_(make_engine()) {}

std::string RandomIds::request_id() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string id(32, '0');
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i % 16 == 0) bits = engine_();
    id[i] = kHex[bits & 0xFU];
    bits >>= 4U;
  }
  return id;
}

observability::TraceContext RandomIds::trace(const observability::TraceContext& parent) {
  observability::TraceContext context = parent;
  if (!parent.valid()) {
    const std::array<std::uint64_t, 2> trace = {engine_() | 1U, engine_()};
    std::memcpy(context.trace_id.data(), trace.data(), context.trace_id.size());
    context.sampled = true;
  }
  const std::uint64_t span = engine_() | 1U;  // All zero means none.
  std::memcpy(context.span_id.data(), &span, context.span_id.size());
  return context;
}

}  // namespace rwp::server
