#pragma once

#include "net/sqlite/connection.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/analytics/event_table.hpp>
#include <rwp/analytics_postgres/postgres_event_table.hpp>
#include <rwp/analytics_sqlite/sqlite_event_table.hpp>
#include <rwp/core/json_text.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::tests {

/// A table of events in a database of its own.
struct TestTable {
  std::shared_ptr<analytics::EventTable> table{};
  /// Another one on the same database, as another process has it.
  std::function<std::shared_ptr<analytics::EventTable>()> again{};
  /// All events in the table, in their order.
  std::function<std::vector<analytics::Event>()> arrived{};
  /// From now on the database takes no event of the client "refused".
  std::function<void()> refuse{};
};

inline analytics::Event event_of_body(const std::string& body) {
  return analytics::event_from_json(JsonText::parse(body).value()).value();
}

inline TestTable make_sqlite_table(Runtime& runtime,
                                   std::chrono::hours keep = std::chrono::hours(24 * 36'500)) {
  auto directory = std::make_shared<TemporaryDirectory>();
  const std::string path = directory->path() / "events.db";
  TestTable made;
  made.again = [&runtime, path, keep, directory] {
    analytics::SqliteEventTableOptions options{.path = path, .keep = keep};
    return analytics::open_sqlite_event_table(runtime, options).value();
  };
  made.table = made.again();
  made.refuse = [path, directory] {
    net_sqlite::ConnectionOptions options;
    options.path = path;
    net_sqlite::Connection database(options);
    database.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON event WHEN NEW.client_id = 'refused'"
        " BEGIN SELECT RAISE(ABORT, 'refused'); END");
  };
  made.arrived = [path, directory] {
    net_sqlite::ConnectionOptions options;
    options.path = path;
    net_sqlite::Connection reader(options);
    std::vector<analytics::Event> events;
    auto query = reader.query("SELECT body FROM event ORDER BY seq");
    while (query.step()) events.push_back(event_of_body(std::string(query.text(0))));
    return events;
  };
  return made;
}

/// The program's one server; started when it is first asked for.
inline PostgresServer& events_server() {
  static PostgresServer server;
  return server;
}

inline TestTable make_postgres_table(Runtime& runtime,
                                     std::chrono::hours keep = std::chrono::hours(24 * 36'500)) {
  static int databases = 0;
  const std::string database = "events_" + std::to_string(++databases);
  events_server().create_database(database);
  TestTable made;
  made.again = [&runtime, database, keep] {
    analytics::PostgresEventTableOptions options;
    options.keep = keep;
    return analytics::open_postgres_event_table(
               runtime, Url::parse(events_server().url(database)).value(), options)
        .value();
  };
  made.table = made.again();
  made.refuse = [database] {
    events_server().execute("ALTER TABLE rwp_events.event ADD CHECK (client_id <> 'refused')",
                            database);
  };
  made.arrived = [database] {
    const std::string bodies = events_server().execute(
        "SELECT coalesce(string_agg(body, E'\\n' ORDER BY seq), '') FROM rwp_events.event",
        database);
    std::vector<analytics::Event> events;
    for (std::size_t at = 0; at < bodies.size();) {
      const std::size_t end = std::min(bodies.find('\n', at), bodies.size());
      events.push_back(event_of_body(bodies.substr(at, end - at)));
      at = end + 1;
    }
    return events;
  };
  return made;
}

}  // namespace rwp::tests
