#pragma once

#include "jobs_tiered/ticket.hpp"
#include <rwp/core/uuid.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// How tickets and leases are packed in Redis. Numbers are big-endian.
///
///     member of a window    id 16, token 8, stamp 8, flags 1 (1: alone), body
///     place of a ticket     token 8, lane 8, priority 1, seq 8
///     lease                 flags 1 (1: started, 2: to be cancelled), token 8, lane 8, claimed 8,
///                           length 4, holder
namespace rwp::jobs_tiered {

/// Of a member, before its body.
constexpr std::size_t kMemberHeadBytes = 33;

std::string pack_id(const Uuid& id);
std::string pack_token(std::uint64_t token);
std::string pack_member(const Ticket& ticket);
std::string pack_place(const Ticket& ticket);

/// What is known of a run that has been claimed here.
struct LeaseHead {
  std::uint64_t token = 0;
  LaneId lane = 0;
  std::int64_t claimed_at = 0;
  bool started = false;
};
/// Flags, token, lane and when it was claimed.
std::string pack_lease_head(const LeaseHead& head);

// None when the bytes are not such a thing.
std::optional<Uuid> unpack_id(std::string_view bytes);
struct Member {
  Uuid id{};
  std::uint64_t token = 0;
  std::int64_t stamp = 0;
  bool alone = false;
  std::string_view body{};  ///< Of the bytes that were given.
};
std::optional<Member> unpack_member(std::string_view bytes);
std::optional<std::uint64_t> unpack_place_token(std::string_view bytes);
std::optional<LeaseHead> unpack_lease(std::string_view bytes);

}  // namespace rwp::jobs_tiered
