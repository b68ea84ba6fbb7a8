#include "pods/ctl/context.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace rwp::pods::ctl {
namespace {

std::string upper(std::string_view text) {
  std::string all(text);
  std::transform(all.begin(), all.end(), all.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return all;
}

std::string age_of(JsonView queue) {
  const auto age = queue.find("oldest_ready_seconds");
  if (!age) return {};
  const auto seconds = static_cast<std::int64_t>(age->as_double().value_or(0));
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3'600) + " h";
}

std::vector<Column> queue_columns() {
  std::vector<Column> columns;
  columns.push_back(member_column("QUEUE", "name"));
  columns.push_back({.title = "PAUSED", .cell = [](JsonView queue) -> std::string {
                       const auto paused = queue.find("paused");
                       return paused && paused->as_bool().value_or(false) ? "paused" : "";
                     }});
  for (const auto& [state, name] : DescribeEnum<jobs::JobState>::values) {
    columns.push_back({.title = upper(name),
                       .cell = [name = name](JsonView queue) -> std::string {
                         const auto states = queue.find("states");
                         const auto count = states ? states->find(name) : std::nullopt;
                         return std::to_string(count ? count->as_int64().value_or(0) : 0);
                       },
                       .right = true});
  }
  columns.push_back({.title = "OLDEST", .cell = &age_of, .right = true});
  return columns;
}

}  // namespace

int list_queues(Context& context) {
  auto desk = open_desk(context, false, std::chrono::milliseconds(0));
  if (!desk) return fail(context, desk.error());
  const auto queues = (*desk)->queues();
  if (!queues) return fail(context, queues.error());
  context.out.begin_list("queues", queue_columns());
  for (const auto& queue : *queues) context.out.row(queue);
  context.out.end_list();
  return kExitSuccess;
}

int pause_queues(Context& context, bool paused) {
  const auto& names = context.options.names;
  if (names.empty()) {
    return refuse(std::string(paused ? "queues pause" : "queues resume") +
                  ": which? give names of queues; `rwpctl queues list` shows them");
  }
  auto desk = open_desk(context, false, std::chrono::milliseconds(0));
  if (!desk) return fail(context, desk.error());
  std::vector<Column> columns;
  columns.push_back(member_column("QUEUE", "name"));
  columns.push_back(member_column("PAUSED", "paused"));
  context.out.begin_list("queues", std::move(columns));
  for (const auto& name : names) {
    const auto done = (*desk)->set_paused(name, paused);
    if (!done) {
      context.out.end_list();
      return fail(context, done.error().with_context("queue '" + cell_text(name) + "'"));
    }
    JsonWriter out;
    out.begin_object().member("name", name).member("paused", paused).end_object();
    context.out.row(out.finish());
  }
  context.out.end_list();
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
