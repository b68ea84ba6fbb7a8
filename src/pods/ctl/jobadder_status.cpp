#include "pods/ctl/jobadder.hpp"
#include "pods/jobadder/sync_cursor.hpp"
#include "pods/jobadder/watchdog.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <algorithm>
#include <utility>

namespace rwp::pods::ctl {
namespace {

void write_entity(JsonWriter& out, const char* name, const EntityCursor& cursor) {
  out.key(name).begin_object();
  out.member("passes", cursor.passes).member("seen", cursor.seen);
  if (cursor.since) out.member("since", to_rfc3339(*cursor.since));
  if (cursor.pass_began) out.member("pass_began", to_rfc3339(*cursor.pass_began));
  out.end_object();
}

/// The webhooks of ours, and how they stand.
Result<void> write_webhooks_of(Context& context, const JobAdderDesk& desk, JsonWriter& out) {
  const auto cell = block_on(
      context.runtime, desk.connections->state()->get(jobadder_cell(desk.tenant, "webhooks")));
  KnownWebhooks known;
  if (cell) {
    auto ours = read_webhooks(cell->text);
    if (!ours) return ours.error();
    known = std::move(*ours);
  } else if (cell.error().code() != Errc::not_found) {
    return cell.error();
  }
  std::vector<jobadder::Webhook> all;
  if (!known.ids.empty() && !context.options.jobadder.offline) {
    auto listed =
        block_on(context.runtime, list_webhooks(desk.connections->of(desk.tenant).client));
    if (!listed) return listed.error();
    all = std::move(*listed);
  }
  out.key("webhooks").begin_array();
  for (const auto& id : known.ids) {
    const auto found = std::find_if(all.begin(), all.end(), [&id](const jobadder::Webhook& one) {
      return one.webhook_id == id;
    });
    out.begin_object().member("webhook_id", id);
    if (!context.options.jobadder.offline) {
      out.member("status", found == all.end() ? std::string("gone") : found->status);
    }
    out.end_object();
  }
  out.end_array();
  return {};
}

}  // namespace

int show_jobadder(Context& context) {
  auto desk = open_jobadder_desk(context);
  if (!desk) return fail(context, desk.error());
  const auto& connection = desk->connections->of(desk->tenant);
  const auto status = block_on(context.runtime, connection.tokens->status());
  if (!status && status.error().code() == Errc::not_found) {
    return fail(context,
                Error(Errc::not_found, "nobody has signed in; rwpctl jobadder login does that"));
  }
  if (!status) return fail(context, status.error());
  JsonWriter out;
  out.begin_object()
      .member("tenant", desk->tenant)
      .member("account", status->account)
      .member("instance", status->instance)
      .member("api_url", status->api_url)
      .member("token_generation", status->generation)
      .member("token_issued_at", to_rfc3339(status->issued_at))
      .member("token_expires_at", to_rfc3339(status->expires_at));
  if (!status->broken.empty()) out.member("broken", status->broken);

  const auto cell = block_on(context.runtime,
                             desk->connections->state()->get(jobadder_cell(desk->tenant, "sync")));
  if (!cell && cell.error().code() != Errc::not_found) return fail(context, cell.error());
  if (cell) {
    const auto cursor = read_cursor(cell->text);
    if (!cursor) return fail(context, cursor.error());
    if (cursor->last_finished) out.member("last_sync", to_rfc3339(*cursor->last_finished));
    write_entity(out, "job_ads", cursor->job_ads);
    write_entity(out, "candidates", cursor->candidates);
    write_entity(out, "applications", cursor->applications);
    write_entity(out, "placements", cursor->placements);
  }
  if (!context.options.jobadder.offline && status->broken.empty()) {
    auto user =
        block_on(context.runtime,
                 connection.client->get("/users/current", jobadder::Query(), jobadder_patience()));
    if (!user) return fail(context, user.error());
    const JsonDocument document(*user);
    const auto name = document.root().find("accountName");
    if (name) out.member("account_name", name->as_string().value_or(""));
  }
  if (status->broken.empty()) {
    auto written = write_webhooks_of(context, *desk, out);
    if (!written) return fail(context, written.error());
  }
  out.end_object();
  context.out.object(out.finish());
  return status->broken.empty() ? kExitSuccess : kExitRefused;
}

}  // namespace rwp::pods::ctl
