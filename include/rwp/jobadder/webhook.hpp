#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::jobadder {

/// What an event is about, as far as this library reads it again.
enum class Entity : std::uint8_t { none, job_ad, job, candidate, application, placement };

/// "job_ad", "candidate", …; empty for none.
std::string_view to_string(Entity entity) noexcept;
Entity entity_from_string(std::string_view name) noexcept;

/// Longest body of a delivery that is read.
constexpr std::size_t kMaxWebhookBytes = std::size_t{256} << 10U;

/// A delivery. It is a hint: JobAdder signs nothing, so its record is read again through the API.
struct WebhookEvent {
  /// By which a repetition is recognised.
  std::string event_id{};
  /// "candidate_updated".
  std::string event{};
  Entity entity = Entity::none;
  /// 0: none that is known.
  std::int64_t id = 0;
  /// Whose application or placement it is, as the record says; 0: it does not.
  std::int64_t candidate_id = 0;
};

/// `Errc::invalid_argument`: no delivery of JobAdder. An event that this library does not know has
/// no entity, and is none.
Result<WebhookEvent> read_webhook_event(std::string body);

/// A webhook as the API tells of it.
struct Webhook {
  std::string webhook_id{};
  std::string name{};
  /// Enabled, Disabled, Suspended or Failed.
  std::string status{};
  std::string url{};
  std::vector<std::string> events{};

  static Result<Webhook> read(JsonText record);
};

/// The events that this library makes something of.
constexpr std::array<std::string_view, 4> kWebhookEvents{"jobad_posted", "candidate_updated",
                                                         "candidate_status_changed",
                                                         "jobapplication_status_changed"};

/// The body of POST and PUT /webhooks. `authorization` comes back with each delivery.
JsonText webhook_command(const std::string& name, const std::vector<std::string>& events,
                         const std::string& url, const std::string& authorization);

}  // namespace rwp::jobadder
