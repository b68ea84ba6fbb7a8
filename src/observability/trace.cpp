#include <rwp/observability/trace.hpp>

#include <algorithm>
#include <random>
#include <span>

namespace rwp::observability {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kLength = 2 + 1 + 32 + 1 + 16 + 1 + 2;

bool all_zero(std::span<const std::uint8_t> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

/// Random bytes, never all zero, which means "none". From the system each time: no state that a
/// forked process could share.
void fill_random(std::span<std::uint8_t> bytes) {
  std::random_device device;
  do {
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      const std::uint32_t word = device();
      for (std::size_t j = 0; j < 4; ++j) {
        bytes[i + j] = static_cast<std::uint8_t>(word >> (8U * j));
      }
    }
  } while (all_zero(bytes));
}

/// Lower case only, as the standard asks.
int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool read_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xFU];
  }
}

}  // namespace

bool TraceContext::valid() const noexcept { return !all_zero(trace_id) && !all_zero(span_id); }

TraceContext TraceContext::make_root(bool sampled) {
  TraceContext context;
  fill_random(context.trace_id);
  fill_random(context.span_id);
  context.sampled = sampled;
  return context;
}

TraceContext TraceContext::make_child() const {
  TraceContext child = *this;
  fill_random(child.span_id);
  return child;
}

Result<TraceContext> TraceContext::parse(std::string_view traceparent) {
  const Error bad(Errc::invalid_argument, "not a valid traceparent");
  if (traceparent.size() < kLength) return bad;
  TraceContext context;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  const bool read = read_hex(traceparent.substr(0, 2), version) &&
                    read_hex(traceparent.substr(3, 32), context.trace_id) &&
                    read_hex(traceparent.substr(36, 16), context.span_id) &&
                    read_hex(traceparent.substr(53, 2), flags) && traceparent[2] == '-' &&
                    traceparent[35] == '-' && traceparent[52] == '-';
  if (!read || version[0] == 0xFF || !context.valid()) return bad;
  // Later versions may append fields; version 0 has none.
  if (traceparent.size() > kLength && (version[0] == 0 || traceparent[kLength] != '-')) return bad;
  context.sampled = (flags[0] & 1U) != 0;
  return context;
}

std::string TraceContext::to_traceparent() const {
  if (!valid()) return {};
  std::string text = "00-";
  text.reserve(kLength);
  append_hex(text, trace_id);
  text += '-';
  append_hex(text, span_id);
  text += sampled ? "-01" : "-00";
  return text;
}

}  // namespace rwp::observability
