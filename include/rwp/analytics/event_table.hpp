#pragma once

#include <rwp/analytics/journey.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::analytics {

/// What a report is about.
struct ReportRange {
  /// Empty: all tenants together.
  std::string tenant{};
  std::chrono::system_clock::time_point from{};
  /// Not included.
  std::chrono::system_clock::time_point until = std::chrono::system_clock::time_point::max();
};

/// Names that a tenant's hour is counted by. The platform's own are always among them; what goes
/// beyond is counted under kOtherName, as clients may send any name.
constexpr std::size_t kMaxHourNames = 100;
/// Sources that a funnel tells apart, those with most views first; the rest are one row of
/// kOtherName.
constexpr std::size_t kMaxFunnelSources = 999;
/// No event has this name.
constexpr std::string_view kOtherName = "(other)";

/// Names that have a row of their own however many there are: the platform's, and what Google calls
/// the stages of a journey.
const std::vector<std::string>& always_counted_names();

struct HourCount {
  std::chrono::system_clock::time_point hour{};
  /// Or kOtherName.
  std::string name{};
  std::int64_t events = 0;
};

/// From one stage to the next that was reached.
struct StageTime {
  std::int64_t journeys = 0;
  double mean_seconds = 0;
  double longest_seconds = 0;
};

/// The journeys that began in the range from one source.
struct FunnelRow {
  /// Empty: unknown. Or kOtherName.
  std::string source{};
  /// How many reached each stage, by Stage.
  std::array<std::int64_t, kStageCount> reached{};
  /// From viewed to applied, applied to screened, screened to placed.
  std::array<StageTime, kStageCount - 1> times{};
};

/// The parameter `candidate` of an event, which is a column of the table; empty: it has none.
std::string candidate_of(const Event& event);

/// A sink that is a table of a database, and the roll-ups that are kept with it.
///
/// An event is in the table once, by its id, however often it is delivered. Counts by hour and
/// journeys are written in the transaction that adds the events, so they are always up to date and
/// count each event once. Events and journeys older than the table keeps are removed as others
/// come; counts by hour stay.
///
/// Deliveries that overlap share a transaction. When it is refused for good, each is written by
/// itself, so that one that cannot be written fails no other.
/// Threads and lifetime: as Sink.
class EventTable : public Sink, public std::enable_shared_from_this<EventTable> {
 public:
  /// Events of each hour and name, by hour, then name; at most 100,000 rows.
  boost::asio::awaitable<Result<std::vector<HourCount>>> hours(ReportRange range);
  /// One row a source, the one with most views first; at most 1,000 with that of the others.
  boost::asio::awaitable<Result<std::vector<FunnelRow>>> funnel(ReportRange range);
  /// Removes the events whose parameter `candidate` is this name, and the journeys of their
  /// clients; of all tenants. Answers how many events there were. `Errc::invalid_argument`: an
  /// empty name.
  boost::asio::awaitable<Result<std::int64_t>> forget_candidate(std::string name);
  /// Removes a person's events and journeys: of this client_id or user_id. Counts by hour name
  /// nobody and stay. Answers how many events there were. `Errc::invalid_argument`: an empty id.
  boost::asio::awaitable<Result<std::int64_t>> forget_person(std::string tenant,
                                                             std::string person);

 protected:
  explicit EventTable(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

 private:
  struct Batch;

  boost::asio::awaitable<Result<void>> do_deliver(std::vector<Event> events) final;
  /// As forget_candidate().
  boost::asio::awaitable<Result<std::size_t>> do_forget(std::string subject) final;
  static boost::asio::awaitable<void> write_batches(std::shared_ptr<EventTable> self);
  boost::asio::awaitable<void> write(std::shared_ptr<Batch> batch);
  boost::asio::awaitable<Result<void>> try_write(std::shared_ptr<const std::vector<Event>> events);

  virtual boost::asio::awaitable<Result<std::int64_t>> do_forget_candidate(std::string name) = 0;
  /// In one transaction; safe to repeat.
  virtual boost::asio::awaitable<Result<void>> do_write(
      std::shared_ptr<const std::vector<Event>> events) = 0;
  virtual boost::asio::awaitable<Result<std::vector<HourCount>>> do_hours(ReportRange range) = 0;
  virtual boost::asio::awaitable<Result<std::vector<FunnelRow>>> do_funnel(ReportRange range) = 0;
  virtual boost::asio::awaitable<Result<std::int64_t>> do_forget_person(std::string tenant,
                                                                        std::string person) = 0;

  const boost::asio::any_io_executor executor_;
  std::shared_ptr<Batch> gathering_;
  bool writing_ = false;
  Signal ended_;
};

}  // namespace rwp::analytics
