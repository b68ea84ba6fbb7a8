#include "jobs_postgres/verify.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;

using Stage = awaitable<Result<void>> (*)(VerifyStep*);
constexpr std::array<Stage, 9> kStages = {&verify_jobs,    &verify_ready,  &verify_running,
                                          &verify_waiting, &verify_ended,  &verify_unique_keys,
                                          &verify_ledger,  &verify_counts, &verify_usage};
/// What each costs of the whole, roughly, in hundredths.
constexpr std::array<int, kStages.size()> kCosts = {55, 5, 3, 3, 18, 3, 5, 6, 2};
/// Counting everything is one statement.
constexpr std::chrono::minutes kPatience{10};

constexpr Statement kSettings{.name = "",
                              .sql = "SELECT set_config('statement_timeout', '10min', true)"};

struct Place {
  std::size_t stage = 0;
  std::string position{};
};

std::optional<Place> parse_cursor(const std::string& cursor) {
  Place place;
  if (cursor.empty()) return place;
  const auto colon = cursor.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto read = std::from_chars(cursor.data(), cursor.data() + colon, place.stage);
  if (read.ec != std::errc() || read.ptr != cursor.data() + colon) return std::nullopt;
  if (place.stage >= kStages.size()) return std::nullopt;
  place.position = cursor.substr(colon + 1);
  constexpr std::string_view kCharacters = "0123456789abcdef.-";
  if (place.position.find_first_not_of(kCharacters) != std::string::npos) return std::nullopt;
  return place;
}

/// A damaged page, or a table that is gone, ends the stage that met it and no other.
bool is_damage(const Failure& failure) {
  return failure.error.code() == Errc::corrupt || failure.state == "42P01" ||
         failure.state == "42703";
}

int digit_of(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

}  // namespace

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    if (digits[i] < '0' || digits[i + 1] < '0') return {};
    bytes += static_cast<char>(digit_of(digits[i]) * 16 + digit_of(digits[i + 1]));
  }
  return bytes;
}

Uuid id_of_position(const std::string& position) {
  const std::string bytes = from_hex(position);
  Uuid id{};
  if (bytes.size() == id.bytes.size()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

std::string position_of(const Uuid& id) {
  return hex_of({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
}

namespace {

struct Asking {
  Lease lease{};
  std::optional<Failure> damage{};
};

awaitable<Result<Rows>> ask(std::shared_ptr<Asking> asking, Command question) {
  std::vector<Command> commands;
  commands.push_back(command(kSettings));
  commands.push_back(std::move(question));
  auto answer =
      co_await asking->lease.run(std::move(commands), std::chrono::steady_clock::now() + kPatience);
  if (answer) co_return std::move(answer.rows.at(1));
  if (is_damage(*answer.failure)) asking->damage = answer.failure;
  co_return answer.failure->error;
}

}  // namespace

awaitable<Result<jobs::VerifyPage>> verify(std::shared_ptr<Session> session, std::string cursor,
                                           std::size_t limit) {
  auto place = parse_cursor(cursor);
  if (!place) co_return Error(Errc::invalid_argument, "\"cursor\" is none that verify() gave");
  const auto patience = session->options().patience;
  auto lease = co_await session->pool().acquire(std::chrono::steady_clock::now() + patience);
  if (!lease) co_return lease.error();
  const auto asking = std::make_shared<Asking>();
  asking->lease = std::move(*lease);
  VerifyStep step;
  step.ask = [asking](Command question) { return ask(asking, std::move(question)); };
  step.session = session;
  step.position = std::move(place->position);
  step.limit = static_cast<std::int64_t>(limit);
  const auto done = co_await kStages.at(place->stage)(&step);
  if (!done) {
    if (!asking->damage) co_return done.error();
    step.next.clear();
    step.found(jobs::finding::store_corrupt, Uuid(), done.error().message());
  }
  double share = 0;
  for (std::size_t i = 0; i < place->stage; ++i) share += kCosts.at(i);
  // How far a walk by keys has come, nobody knows; that it has begun, is half.
  share += kCosts.at(place->stage) * (step.next.empty() ? 1.0 : 0.5);
  step.page.share = std::min(share / 100, 1.0);
  if (!step.next.empty()) {
    step.page.next_cursor = std::to_string(place->stage) + ":" + step.next;
  } else if (place->stage + 1 < kStages.size()) {
    step.page.next_cursor = std::to_string(place->stage + 1) + ":";
  }
  co_return std::move(step.page);
}

}  // namespace rwp::jobs_postgres
