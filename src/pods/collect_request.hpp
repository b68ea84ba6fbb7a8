#pragma once

#include <rwp/analytics/event.hpp>
#include <rwp/core/json_text.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace rwp::pods {

/// Largest body of a collection, as Google's.
constexpr std::size_t kMaxCollectBodyBytes = 130'000;
constexpr std::size_t kMaxCollectEvents = 25;
/// How old an event may be when it comes.
constexpr std::chrono::hours kMaxEventAge{72};

/// What is wrong with a collection, as Google's validation server words it.
struct CollectFault {
  /// "events[0].params.job_id".
  std::string field_path{};
  std::string description{};
  /// VALUE_INVALID, VALUE_REQUIRED, NAME_INVALID, NAME_RESERVED, VALUE_OUT_OF_BOUNDS,
  /// EXCEEDED_MAX_ENTITIES, NAME_DUPLICATED.
  std::string code{};
};

struct CollectedEvent {
  analytics::Event event{};
  /// Neither the event nor the request says when it happened: it is the time of its arrival.
  bool timed = false;
  /// The client gave it an id (parameter `event_id`, a UUID) by which a repetition is recognised.
  bool identified = false;
};

struct Collection {
  std::vector<CollectedEvent> events{};
  /// Empty: the events are good. At most 100.
  std::vector<CollectFault> faults{};
};

/// Reads the body of POST /mp/collect for a web stream. Every limit that Google documents is
/// judged here, where Google would drop what is beyond it in silence; what cannot be kept and
/// passed on (device, user data, location, …) is refused, not left out.
Collection read_collection(std::string body, std::chrono::system_clock::time_point now);

/// {"validationMessages":[{"fieldPath":…,"description":…,"validationCode":…}]}.
JsonText validation_messages_json(const std::vector<CollectFault>& faults);

}  // namespace rwp::pods
