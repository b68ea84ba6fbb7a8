#include "pods/ctl/context.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <cmath>
#include <utility>

namespace rwp::pods::ctl {
namespace {

constexpr std::size_t kMostOnAPage = 1'000;

std::string text_at(JsonView view, std::string_view name) {
  const auto member = view.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

std::string integer_at(JsonView view, std::string_view name) {
  const auto member = view.find(name);
  return std::to_string(member ? member->as_int64().value_or(0) : 0);
}

/// How far it is, or why it stands where it does.
std::string note_of(JsonView job) {
  if (const auto errors = job.find("errors"); errors && errors->size() > 0) {
    const auto last = errors->at(errors->size() - 1);
    return text_at(last, "code") + ": " + text_at(last, "message");
  }
  const auto progress = job.find("progress");
  if (!progress) return {};
  const auto share = static_cast<int>(std::floor(progress->as_double().value_or(0) * 100));
  return std::to_string(share) + " % " + text_at(job, "progress_note");
}

std::vector<Column> job_columns() {
  std::vector<Column> columns;
  columns.push_back(member_column("ID", "id"));
  columns.push_back(member_column("STATE", "state"));
  columns.push_back(member_column("QUEUE", "queue"));
  columns.push_back(member_column("KIND", "kind"));
  columns.push_back({.title = "TRIES",
                     .cell =
                         [](JsonView job) {
                           return integer_at(job, "attempt") + "/" +
                                  integer_at(job, "max_attempts");
                         },
                     .right = true});
  columns.push_back(member_column("CREATED", "created_at"));
  columns.push_back({.title = "NOTE", .cell = &note_of});
  return columns;
}

JsonText text_value(const std::string& text) {
  JsonWriter out;
  out.value(text);
  return out.finish();
}

}  // namespace

int list_jobs(Context& context) {
  const auto& options = context.options.list;
  const auto limit = read_number("--limit", options.limit, 1, kMostOnAPage);
  if (!limit) return fail(context, limit.error());
  auto desk = open_desk(context, false, std::chrono::milliseconds(0));
  if (!desk) return fail(context, desk.error());
  const auto filter = read_filter(context.options.filter, **desk);
  if (!filter) return fail(context, filter.error());

  std::string cursor = options.cursor;
  std::size_t shown = 0;
  bool begun = false;
  do {
    // A page may end early, and even be empty, with more to come.
    const std::size_t wanted = options.all ? kMostOnAPage : *limit - shown;
    auto page = (*desk)->list(*filter, cursor, wanted);
    if (!page) {
      // What was seen so far is shown, and where it goes on.
      if (begun) context.out.end_list({{"next_cursor", text_value(cursor)}});
      return fail(context, page.error());
    }
    if (!std::exchange(begun, true)) context.out.begin_list("jobs", job_columns());
    for (const auto& job : page->jobs) context.out.row(job);
    shown += page->jobs.size();
    cursor = std::move(page->next_cursor);
  } while (!cursor.empty() && (options.all || shown < *limit));
  if (cursor.empty()) {
    context.out.end_list();
    return kExitSuccess;
  }
  context.out.end_list({{"next_cursor", text_value(cursor)}});
  if (context.out.format() != OutputFormat::json) {
    tell("there are more: --cursor " + cursor + " goes on, --all shows all");
  }
  return kExitSuccess;
}

int show_jobs(Context& context) {
  const auto ids = read_ids(context.options.names);
  if (!ids) return fail(context, ids.error());
  if (ids->empty()) return refuse("jobs show: which? give ids");
  auto desk = open_desk(context, false, std::chrono::milliseconds(0));
  if (!desk) return fail(context, desk.error());
  const bool as_list = context.out.format() == OutputFormat::json && ids->size() > 1;
  if (as_list) context.out.begin_list("jobs", {});
  int code = kExitSuccess;
  bool first = true;
  for (const Uuid& id : *ids) {
    const auto job = (*desk)->show(id);
    if (!job) {
      if (job.error().code() != Errc::not_found) {
        if (as_list) context.out.end_list();
        return fail(context, job.error());
      }
      tell("job " + id.to_string() + ": " + job.error().message());
      code = kExitNotFound;
      continue;
    }
    if (as_list) {
      context.out.row(*job);
      continue;
    }
    if (!std::exchange(first, false)) context.out.line("");
    context.out.object(*job);
  }
  if (as_list) context.out.end_list();
  return code;
}

}  // namespace rwp::pods::ctl
