#include <rwp/testing/fake_openai.hpp>

#include <array>
#include <charconv>
#include <utility>

namespace rwp::testing {
namespace {

constexpr std::array<std::pair<Fault, std::string_view>, 20> kNames{{
    {Fault::none, "ok"},
    {Fault::rate_limit, "rate_limit"},
    {Fault::quota, "quota"},
    {Fault::bad_key, "bad_key"},
    {Fault::server_error, "server_error"},
    {Fault::overloaded, "overloaded"},
    {Fault::bad_gateway, "bad_gateway"},
    {Fault::slow, "slow"},
    {Fault::hang, "hang"},
    {Fault::cut, "cut"},
    {Fault::stall, "stall"},
    {Fault::malformed, "malformed"},
    {Fault::wrong_type, "wrong_type"},
    {Fault::empty, "empty"},
    {Fault::huge, "huge"},
    {Fault::error_event, "error_event"},
    {Fault::refusal, "refusal"},
    {Fault::length, "length"},
    {Fault::content_filter, "content_filter"},
    {Fault::misfit, "misfit"},
}};

constexpr std::int64_t kMostValue = 3'600'000;

}  // namespace

std::string_view fault_name(Fault fault) noexcept {
  for (const auto& [known, name] : kNames) {
    if (known == fault) return name;
  }
  return "ok";
}

Result<FakeStep> parse_fake_step(std::string_view text) {
  const auto colon = text.find(':');
  const auto word = text.substr(0, colon);
  FakeStep step;
  bool found = false;
  std::string names;
  for (const auto& [known, name] : kNames) {
    names += (names.empty() ? "" : " ") + std::string(name);
    if (name != word) continue;
    step.fault = known;
    found = true;
  }
  if (!found) {
    return Error(Errc::invalid_argument, "\"" + std::string(word) + "\" is none of: " + names);
  }
  if (colon == std::string_view::npos) return step;
  const auto digits = text.substr(colon + 1);
  const auto [end, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), step.value);
  if (problem != std::errc() || end != digits.data() + digits.size() || step.value < 0 ||
      step.value > kMostValue) {
    return Error(Errc::invalid_argument,
                 "\"" + std::string(text) + "\" has no number from 0 to 3600000 behind its colon");
  }
  return step;
}

}  // namespace rwp::testing
