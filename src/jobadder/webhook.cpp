#include "jobadder/record_reader.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/jobadder/webhook.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace rwp::jobadder {
namespace {

constexpr std::size_t kMaxEventBytes = 64;
constexpr std::size_t kMaxIdBytes = 64;

struct EntityNames {
  Entity entity;
  std::string_view name;
  /// How its events begin.
  std::string_view prefix;
  std::string_view id_member;
};

constexpr std::array<EntityNames, 5> kEntities{{
    {Entity::job_ad, "job_ad", "jobad_", "adId"},
    {Entity::application, "application", "jobapplication_", "applicationId"},
    {Entity::job, "job", "job_", "jobId"},
    {Entity::candidate, "candidate", "candidate_", "candidateId"},
    {Entity::placement, "placement", "placement_", "placementId"},
}};

bool is_word(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

/// 0: `value` is no object, or has none.
std::int64_t id_of(std::optional<JsonView> value, std::string_view member) {
  if (!value || value->kind() != JsonKind::object) return 0;
  const auto found = value->find(member);
  const auto number = found ? found->as_int64() : std::nullopt;
  return number && *number > 0 ? *number : 0;
}

/// Takes ids from the record that the delivery carries, whatever that is called.
void read_ids(JsonView root, std::string_view member, WebhookEvent* event) {
  root.each_member([&](std::string_view, JsonView value) {
    event->id = id_of(value, member);
    if (event->id == 0) return true;
    event->candidate_id = id_of(value.find("candidate"), "candidateId");
    return false;
  });
}

}  // namespace

std::string_view to_string(Entity entity) noexcept {
  for (const auto& names : kEntities) {
    if (names.entity == entity) return names.name;
  }
  return {};
}

Entity entity_from_string(std::string_view name) noexcept {
  for (const auto& names : kEntities) {
    if (names.name == name) return names.entity;
  }
  return Entity::none;
}

Result<WebhookEvent> read_webhook_event(std::string body) {
  const auto wrong = [](const char* what) {
    return Error(Errc::invalid_argument, std::string("webhook: ") + what);
  };
  if (body.size() > kMaxWebhookBytes) return wrong("the body is too long");
  auto json = JsonText::parse(std::move(body));
  if (!json) return wrong("the body is not JSON");
  const JsonDocument document(*json);
  RecordReader in(document.root());
  WebhookEvent event;
  event.event = in.text("event");
  event.event_id = in.text("eventId");
  if (in.failure()) return wrong("the body is no event");
  if (!is_word(event.event, kMaxEventBytes)) return wrong("event is missing, or no name");
  if (!is_word(event.event_id, kMaxIdBytes)) return wrong("eventId is missing, or no id");
  for (const auto& names : kEntities) {
    if (!event.event.starts_with(names.prefix)) continue;
    read_ids(document.root(), names.id_member, &event);
    if (event.id != 0) event.entity = names.entity;
    break;
  }
  return event;
}

Result<Webhook> Webhook::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  Webhook webhook;
  webhook.webhook_id = in.text("webhookId");
  webhook.name = in.text("name");
  webhook.status = in.text("status");
  webhook.url = in.text("url");
  webhook.events = in.texts("events");
  if (in.failure()) return *in.failure();
  if (!is_word(webhook.webhook_id, kMaxIdBytes)) {
    return Error(Errc::corrupt, "JobAdder's record: webhookId is missing, or no id");
  }
  return webhook;
}

JsonText webhook_command(const std::string& name, const std::vector<std::string>& events,
                         const std::string& url, const std::string& authorization) {
  JsonWriter out;
  out.begin_object().member("name", name);
  out.key("events").begin_array();
  for (const auto& event : events) out.value(event);
  out.end_array();
  if (!url.empty()) out.member("url", url);
  if (!authorization.empty()) out.member("authorization", authorization);
  out.member("status", "Enabled").end_object();
  return out.finish();
}

}  // namespace rwp::jobadder
