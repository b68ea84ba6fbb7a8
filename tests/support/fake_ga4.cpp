#include "support/fake_ga4.hpp"

#include "support/manual_clock.hpp"
#include "support/sample_event.hpp"
#include <rwp/core/json_view.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace rwp::tests {
namespace {

using analytics::Event;
using analytics::ParameterValue;

ParameterValue parameter(JsonView value) {
  if (value.kind() == JsonKind::integer) return value.as_int64().value();
  if (value.kind() == JsonKind::real) return value.as_double().value();
  const std::string text(value.as_string().value());
  // The sink has no other way to send a truth value.
  if (text == "true" || text == "false") return text == "true";
  return text;
}

std::string text_of(JsonView object, std::string_view name) {
  const auto found = object.find(name);
  return found ? std::string(found->as_string().value()) : std::string();
}

void read_parameters(JsonView params, Event& event) {
  params.each_member([&event](std::string_view name, JsonView value) {
    if (name == "event_id") {
      event.id = Uuid::parse(value.as_string().value()).value();
    } else if (name == "session_id") {
      event.session_id = value.as_string().value();
    } else if (name == "tenant") {
      event.tenant = value.as_string().value();
    } else if (name == "items") {
      for (std::size_t i = 0; i < value.size(); ++i) {
        analytics::Item item;
        value.at(i).each_member([&item](std::string_view of_item, JsonView its_value) {
          item.emplace(of_item, parameter(its_value));
          return true;
        });
        event.items.push_back(std::move(item));
      }
    } else if (name != "engagement_time_msec") {
      event.parameters.emplace(name, parameter(value));
    }
    return true;
  });
}

void read_body(const std::string& body, std::vector<Event>& events) {
  const auto text = JsonText::parse(body);
  ASSERT_TRUE(text.has_value()) << text.error().to_string();
  const JsonDocument document(*text);
  const JsonView root = document.root();
  Event common;
  if (const auto properties = root.find("user_properties")) {
    properties->each_member([&common](std::string_view name, JsonView property) {
      common.user_properties.emplace(name, parameter(property.find("value").value()));
      return true;
    });
  }
  if (const auto consent = root.find("consent")) {
    const auto choice = [&consent](std::string_view name) -> std::optional<bool> {
      const std::string said = text_of(*consent, name);
      if (said.empty()) return std::nullopt;
      EXPECT_TRUE(said == "GRANTED" || said == "DENIED") << said;
      return said == "GRANTED";
    };
    common.consent.ad_user_data = choice("ad_user_data");
    common.consent.ad_personalization = choice("ad_personalization");
  }
  const JsonView list = document.root().find("events").value();
  ASSERT_LE(list.size(), 25U);
  ASSERT_LT(body.size(), 130'000U);
  for (std::size_t i = 0; i < list.size(); ++i) {
    Event event = common;
    event.client_id = text_of(document.root(), "client_id");
    event.user_id = text_of(document.root(), "user_id");
    event.name = text_of(list.at(i), "name");
    event.time = std::chrono::system_clock::time_point{};
    if (const auto micros = list.at(i).find("timestamp_micros")) {
      event.time += std::chrono::microseconds(micros->as_int64().value());
    }
    read_parameters(list.at(i).find("params").value(), event);
    events.push_back(std::move(event));
  }
}

}  // namespace

FakeGa4::FakeGa4(Answer answer)
    : answer_(std::move(answer)),
      server_(answer_each([this](const std::string& request) { return this->answer(request); })) {}

analytics::Ga4SinkOptions FakeGa4::options() const {
  auto clock = std::make_shared<ManualClock>();
  const auto wanted = sample_event().time + std::chrono::minutes(1);
  clock->step_wall(std::chrono::duration_cast<std::chrono::milliseconds>(wanted - clock->now()));
  analytics::Ga4SinkOptions options;
  options.measurement_id = "G-TEST1";
  options.api_secret = Secret("s&cret/");
  options.base_url = server_.url("");
  options.retry.first_wait = std::chrono::milliseconds(1);
  options.clock = clock;
  return options;
}

std::string FakeGa4::answer(const std::string& request) {
  const std::size_t end = request.find("\r\n\r\n");
  const std::lock_guard lock(mutex_);
  const int number = requests_++;
  last_head_ = request.substr(0, end);
  std::string answer = answer_ ? answer_(number) : "HTTP/1.1 204 No Content\r\n\r\n";
  if (answer.find(" 2") == 8) bodies_.push_back(request.substr(end + 4));
  return answer;
}

std::vector<std::string> FakeGa4::bodies() const {
  const std::lock_guard lock(mutex_);
  return bodies_;
}

std::string FakeGa4::last_head() const {
  const std::lock_guard lock(mutex_);
  return last_head_;
}

int FakeGa4::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<Event> FakeGa4::events() const {
  std::vector<Event> events;
  for (const std::string& body : bodies()) read_body(body, events);
  return events;
}

}  // namespace rwp::tests
