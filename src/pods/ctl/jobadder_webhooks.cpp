#include "pods/ctl/jobadder.hpp"
#include "pods/jobadder/watchdog.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using jobadder::Webhook;

constexpr const char* kName = "rwp";
constexpr int kWrites = 20;

/// Reads the list of ours, has it changed, and writes it; again, when somebody else has.
Result<KnownWebhooks> change_known(Context& context, const JobAdderDesk& desk,
                                   const std::function<void(KnownWebhooks&)>& change) {
  auto& state = *desk.connections->state();
  const std::string name = jobadder_cell(desk.tenant, "webhooks");
  for (int attempt = 0; attempt < kWrites; ++attempt) {
    auto cell = block_on(context.runtime, state.get(name));
    KnownWebhooks known;
    std::string version;
    if (cell) {
      auto ours = read_webhooks(cell->text);
      if (!ours) return ours.error();
      known = std::move(*ours);
      version = std::move(cell->version);
    } else if (cell.error().code() != Errc::not_found) {
      return cell.error();
    }
    if (!change) return known;
    change(known);
    auto written =
        block_on(context.runtime, state.put(name, write_webhooks(known), std::move(version)));
    if (written) return known;
    if (written.error().code() != Errc::conflict) return written.error();
  }
  return Error(Errc::unavailable, "the list of our webhooks is being written all the time");
}

Result<void> register_webhook(Context& context, const JobAdderDesk& desk, const std::string& url) {
  const auto& secret = context.configuration().jobadder_webhook_secret;
  if (secret.empty()) {
    return Error(Errc::invalid_argument,
                 "RWP_JOBADDER_WEBHOOK_SECRET (or …_FILE) is needed: what the API pod knows "
                 "deliveries by");
  }
  if (!jobadder::is_safe_url(url)) {
    return Error(Errc::invalid_argument,
                 "--register: must be https:, or http: to a loopback address");
  }
  const auto& client = desk.connections->of(desk.tenant).client;
  const std::vector<std::string> events(jobadder::kWebhookEvents.begin(),
                                        jobadder::kWebhookEvents.end());
  auto command =
      jobadder::webhook_command(kName, events, url, webhook_authorization(secret, desk.tenant));
  // One with this address is told anew, so that a repetition makes no second.
  auto all = block_on(context.runtime, list_webhooks(client));
  if (!all) return all.error();
  const auto standing =
      std::find_if(all->begin(), all->end(), [&url](const Webhook& one) { return one.url == url; });
  std::string id;
  if (standing != all->end()) {
    id = standing->webhook_id;
    auto updated = block_on(context.runtime, client->update("/webhooks/" + id, std::move(command),
                                                            jobadder_patience()));
    if (!updated) return updated.error();
  } else {
    auto made = block_on(context.runtime,
                         client->create("/webhooks", std::move(command), jobadder_patience()));
    if (!made) return made.error();
    auto webhook = Webhook::read(std::move(*made));
    if (!webhook) return webhook.error();
    id = webhook->webhook_id;
  }
  auto known = change_known(context, desk, [&id, &url](KnownWebhooks& ours) {
    if (std::find(ours.ids.begin(), ours.ids.end(), id) == ours.ids.end()) ours.ids.push_back(id);
    ours.url = url;
  });
  if (!known) return known.error();
  return {};
}

Result<void> remove_webhook(Context& context, const JobAdderDesk& desk, const std::string& id) {
  const bool plain = !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
  if (!plain) return Error(Errc::invalid_argument, "--remove: is no webhook's id");
  auto removed = block_on(
      context.runtime,
      desk.connections->of(desk.tenant).client->remove("/webhooks/" + id, jobadder_patience()));
  if (!removed && removed.error().code() != Errc::not_found) return removed.error();
  auto known =
      change_known(context, desk, [&id](KnownWebhooks& ours) { std::erase(ours.ids, id); });
  if (!known) return known.error();
  return {};
}

Result<void> enable_ours(Context& context, const JobAdderDesk& desk) {
  auto parts = std::make_shared<JobAdderParts>();
  parts->connections = desk.connections;
  parts->webhook_secret = context.configuration().jobadder_webhook_secret;
  auto enabled = block_on(context.runtime, enable_webhooks(std::move(parts), desk.tenant));
  if (!enabled) return enabled.error();
  if (*enabled > 0) {
    tell(std::to_string(*enabled) + " enabled; rwpctl jobadder sync finds what they have missed");
  }
  return {};
}

}  // namespace

int steer_jobadder_webhooks(Context& context) {
  const auto& given = context.options.jobadder;
  auto desk = open_jobadder_desk(context);
  if (!desk) return fail(context, desk.error());
  Result<void> done;
  if (!given.register_url.empty()) done = register_webhook(context, *desk, given.register_url);
  if (done && !given.remove_id.empty()) done = remove_webhook(context, *desk, given.remove_id);
  if (done && given.enable) done = enable_ours(context, *desk);
  if (!done) return fail(context, done.error());

  const auto ours = change_known(context, *desk, nullptr);
  if (!ours) return fail(context, ours.error());
  auto all = block_on(context.runtime, list_webhooks(desk->connections->of(desk->tenant).client));
  if (!all) return fail(context, all.error());
  std::vector<Column> columns;
  columns.push_back(member_column("WEBHOOK", "webhook_id", kUncut));
  columns.push_back(member_column("OURS", "ours"));
  columns.push_back(member_column("STATUS", "status"));
  columns.push_back(member_column("URL", "url", kUncut));
  context.out.begin_list("webhooks", std::move(columns));
  for (const auto& webhook : *all) {
    const bool is_ours =
        std::find(ours->ids.begin(), ours->ids.end(), webhook.webhook_id) != ours->ids.end();
    JsonWriter out;
    out.begin_object()
        .member("webhook_id", webhook.webhook_id)
        .member("ours", is_ours)
        .member("status", webhook.status)
        .member("url", webhook.url)
        .end_object();
    context.out.row(out.finish());
  }
  context.out.end_list();
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
