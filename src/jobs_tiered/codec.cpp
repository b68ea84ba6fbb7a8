#include "jobs_tiered/codec.hpp"

#include <algorithm>

namespace rwp::jobs_tiered {
namespace {

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kPlaceBytes = 25;
constexpr std::size_t kLeaseHeadBytes = 25;
constexpr std::size_t kLeaseLengthBytes = 4;

void put(std::string& out, std::uint64_t number) {
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    out += static_cast<char>(static_cast<unsigned char>(number >> (shift - 8)));
  }
}

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    number = (number << 8U) | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

void put_id(std::string& out, const Uuid& id) {
  for (const std::uint8_t byte : id.bytes) out += static_cast<char>(byte);
}

Uuid id_at(std::string_view bytes, std::size_t at) {
  Uuid id;
  std::transform(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + kIdBytes), id.bytes.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  return id;
}

}  // namespace

std::string pack_id(const Uuid& id) {
  std::string out;
  out.reserve(kIdBytes);
  put_id(out, id);
  return out;
}

std::string pack_token(std::uint64_t token) {
  std::string out;
  put(out, token);
  return out;
}

std::string pack_member(const Ticket& ticket) {
  std::string out;
  out.reserve(kMemberHeadBytes + ticket.body.size());
  put_id(out, ticket.id);
  put(out, ticket.token);
  put(out, static_cast<std::uint64_t>(ticket.stamp));
  out += ticket.alone ? '\1' : '\0';
  out += ticket.body;
  return out;
}

std::string pack_place(const Ticket& ticket) {
  std::string out;
  out.reserve(kPlaceBytes);
  put(out, ticket.token);
  put(out, static_cast<std::uint64_t>(ticket.lane));
  out += static_cast<char>(ticket.priority);
  put(out, static_cast<std::uint64_t>(ticket.seq));
  return out;
}

std::string pack_lease_head(const LeaseHead& head) {
  std::string out;
  out.reserve(kLeaseHeadBytes);
  out += head.started ? '\1' : '\0';
  put(out, head.token);
  put(out, static_cast<std::uint64_t>(head.lane));
  put(out, static_cast<std::uint64_t>(head.claimed_at));
  return out;
}

std::optional<Uuid> unpack_id(std::string_view bytes) {
  if (bytes.size() != kIdBytes) return std::nullopt;
  return id_at(bytes, 0);
}

std::optional<Member> unpack_member(std::string_view bytes) {
  if (bytes.size() < kMemberHeadBytes) return std::nullopt;
  Member member;
  member.id = id_at(bytes, 0);
  member.token = number_at(bytes, kIdBytes);
  member.stamp = static_cast<std::int64_t>(number_at(bytes, kIdBytes + kNumberBytes));
  member.alone = bytes[kMemberHeadBytes - 1] != '\0';
  member.body = bytes.substr(kMemberHeadBytes);
  return member;
}

std::optional<std::uint64_t> unpack_place_token(std::string_view bytes) {
  if (bytes.size() != kPlaceBytes) return std::nullopt;
  return number_at(bytes, 0);
}

std::optional<LeaseHead> unpack_lease(std::string_view bytes) {
  if (bytes.size() < kLeaseHeadBytes + kLeaseLengthBytes) return std::nullopt;
  LeaseHead head;
  head.started = (static_cast<unsigned char>(bytes[0]) & 1U) != 0;
  head.token = number_at(bytes, 1);
  head.lane = static_cast<LaneId>(number_at(bytes, 1 + kNumberBytes));
  head.claimed_at = static_cast<std::int64_t>(number_at(bytes, 1 + 2 * kNumberBytes));
  return head;
}

}  // namespace rwp::jobs_tiered
