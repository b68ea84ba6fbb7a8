#include <rwp/testing/fake_fault.hpp>

#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace rwp::testing {
namespace {

constexpr std::array<std::pair<Fault, std::string_view>, 28> kNames{{
    {Fault::none, "ok"},
    {Fault::rate_limit, "rate_limit"},
    {Fault::rate_seconds, "rate_seconds"},
    {Fault::rate_date, "rate_date"},
    {Fault::rate_ms, "rate_ms"},
    {Fault::rate_reset, "rate_reset"},
    {Fault::rate_bare, "rate_bare"},
    {Fault::slow_down, "slow_down"},
    {Fault::quota, "quota"},
    {Fault::bad_key, "bad_key"},
    {Fault::server_error, "server_error"},
    {Fault::overloaded, "overloaded"},
    {Fault::bad_gateway, "bad_gateway"},
    {Fault::reset, "reset"},
    {Fault::slow, "slow"},
    {Fault::slow_token, "slow_token"},
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

constexpr std::array<std::pair<FakeBatchFault, std::string_view>, 12> kBatchNames{{
    {FakeBatchFault::none, "ok"},
    {FakeBatchFault::refuse, "refuse"},
    {FakeBatchFault::rate_limit, "rate_limit"},
    {FakeBatchFault::lost, "lost"},
    {FakeBatchFault::late, "late"},
    {FakeBatchFault::fail, "fail"},
    {FakeBatchFault::expire, "expire"},
    {FakeBatchFault::partial, "partial"},
    {FakeBatchFault::missing, "missing"},
    {FakeBatchFault::doubled, "doubled"},
    {FakeBatchFault::zero_status, "zero_status"},
    {FakeBatchFault::bad_line, "bad_line"},
}};

constexpr std::int64_t kMostValue = 3'600'000;

template <class Step, class Names>
Result<Step> parse(std::string_view text, const Names& known_names) {
  const auto colon = text.find(':');
  const auto word = text.substr(0, colon);
  Step step;
  bool found = false;
  std::string names;
  for (const auto& [known, name] : known_names) {
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

}  // namespace

std::string_view fault_name(Fault fault) noexcept {
  for (const auto& [known, name] : kNames) {
    if (known == fault) return name;
  }
  return "ok";
}

Result<FakeStep> parse_fake_step(std::string_view text) { return parse<FakeStep>(text, kNames); }

Result<FakeBatchStep> parse_fake_batch_step(std::string_view text) {
  return parse<FakeBatchStep>(text, kBatchNames);
}

}  // namespace rwp::testing
