#include "pods/ctl/context.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <utility>

namespace rwp::pods::ctl {
namespace {

/// What differs between retry and cancel.
struct Steering {
  const char* command;
  /// Of the answer for one job, and for many.
  const char* member;
  const char* counted;
  Result<std::string> (JobsDesk::*one)(const Uuid& id);
  Result<std::size_t> (JobsDesk::*many)(const jobs::JobFilter& filter);
};

constexpr Steering kRetry{"jobs retry", "state", "retried", &JobsDesk::retry,
                          &JobsDesk::retry_where};
constexpr Steering kCancel{"jobs cancel", "outcome", "cancelled", &JobsDesk::cancel,
                           &JobsDesk::cancel_where};

JsonText answer(const Uuid& id, const char* member, const Result<std::string>& outcome) {
  JsonWriter out;
  out.begin_object().member("id", id.to_string());
  if (outcome) {
    out.member(member, *outcome);
  } else {
    out.key("error").begin_object();
    out.member("code", to_string(outcome.error().code()));
    out.member("message", outcome.error().message());
    out.end_object();
  }
  out.end_object();
  return out.finish();
}

int steer_ids(Context& context, JobsDesk& desk, const Steering& steering,
              const std::vector<Uuid>& ids) {
  std::vector<Column> columns;
  columns.push_back(member_column("ID", "id"));
  columns.push_back(member_column(
      steering.member == std::string_view("state") ? "STATE" : "OUTCOME", steering.member));
  context.out.begin_list("jobs", std::move(columns));
  int code = kExitSuccess;
  for (const Uuid& id : ids) {
    const auto outcome = (desk.*steering.one)(id);
    context.out.row(answer(id, steering.member, outcome));
    if (outcome) continue;
    const int own = exit_code_of(outcome.error());
    if (own == kExitUnreachable || own == kExitRefused) {
      context.out.end_list();
      return fail(context, outcome.error());
    }
    tell("job " + id.to_string() + ": " + outcome.error().message());
    // The worst is told; one that is gone is the least.
    if (code == kExitSuccess || code == kExitNotFound) code = own;
  }
  context.out.end_list();
  return code;
}

int steer(Context& context, const Steering& steering) {
  const auto ids = read_ids(context.options.names);
  if (!ids) return fail(context, ids.error());
  const bool by_filter = !is_everything(context.options.filter);
  if (ids->empty() == !by_filter) {
    return refuse(std::string(steering.command) +
                  ": which? give ids, or a filter such as --state or --queue, and not both");
  }
  auto desk = open_desk(context, false, std::chrono::milliseconds(0));
  if (!desk) return fail(context, desk.error());
  if (!by_filter) return steer_ids(context, **desk, steering, *ids);
  const auto filter = read_filter(context.options.filter, **desk);
  if (!filter) return fail(context, filter.error());
  const auto count = ((**desk).*steering.many)(*filter);
  if (!count) return fail(context, count.error());
  JsonWriter out;
  out.begin_object().member(steering.counted, static_cast<std::uint64_t>(*count)).end_object();
  context.out.object(out.finish());
  return kExitSuccess;
}

}  // namespace

int retry_jobs(Context& context) { return steer(context, kRetry); }

int cancel_jobs(Context& context) { return steer(context, kCancel); }

}  // namespace rwp::pods::ctl
