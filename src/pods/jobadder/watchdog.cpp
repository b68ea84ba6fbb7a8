#include "pods/jobadder/watchdog.hpp"

#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <utility>

namespace rwp::pods {
namespace {

using jobadder::Webhook;
using jobs::Awaitable;

constexpr std::size_t kMostWebhooks = 1'000;

void count_enabled(const JobAdderParts& parts) {
  if (!parts.metrics) return;
  parts.metrics
      ->counter("rwp_jobadder_webhooks_enabled_total",
                "Webhooks that were found suspended, failed or disabled, and enabled again.")
      .add();
}

}  // namespace

std::string write_webhooks(const KnownWebhooks& known) {
  JsonWriter out;
  out.begin_object().member("url", known.url);
  out.key("ids").begin_array();
  for (const auto& id : known.ids) out.value(id);
  out.end_array().end_object();
  return out.finish().release();
}

Result<KnownWebhooks> read_webhooks(const std::string& text) {
  const auto json = JsonText::parse(text);
  if (!json) return Error(Errc::corrupt, "the list of our webhooks cannot be read");
  const JsonDocument document(*json);
  KnownWebhooks known;
  const auto url = document.root().find("url");
  if (url) known.url = std::string(url->as_string().value_or(""));
  const auto ids = document.root().find("ids");
  for (std::size_t i = 0; ids && i < ids->size(); ++i) {
    known.ids.emplace_back(ids->at(i).as_string().value_or(""));
  }
  return known;
}

std::string webhook_authorization(const Secret& secret, const std::string& tenant) {
  return "Bearer " + to_hex(sha256("rwp/jobadder/webhook/1\n" + secret.expose() + "\n" + tenant));
}

Awaitable<Result<std::vector<Webhook>>> list_webhooks(std::shared_ptr<jobadder::Client> client) {
  auto list = co_await client->get("/webhooks");
  if (!list) co_return list.error();
  std::vector<Webhook> found;
  const JsonDocument document(*list);
  const auto items = document.root().find("items");
  for (std::size_t i = 0; items && i < std::min(items->size(), kMostWebhooks); ++i) {
    auto webhook = Webhook::read(items->at(i).text());
    if (!webhook) co_return webhook.error();
    found.push_back(std::move(*webhook));
  }
  co_return found;
}

Awaitable<Result<std::size_t>> enable_webhooks(SharedJobAdderParts parts, std::string tenant) {
  const auto cell = co_await parts->connections->state()->get(jobadder_cell(tenant, "webhooks"));
  if (!cell && cell.error().code() == Errc::not_found) co_return std::size_t{0};
  if (!cell) co_return cell.error();
  const auto known = read_webhooks(cell->text);
  if (!known) co_return known.error();
  if (known->ids.empty()) co_return std::size_t{0};
  const auto client = parts->connections->of(tenant).client;
  const auto all = co_await list_webhooks(client);
  if (!all) co_return all.error();
  std::size_t enabled = 0;
  for (const std::string& id : known->ids) {
    const auto ours = std::find_if(all->begin(), all->end(),
                                   [&id](const Webhook& one) { return one.webhook_id == id; });
    if (ours == all->end()) {
      parts->log.error(
          "a webhook of ours is gone from JobAdder; rwpctl jobadder webhooks "
          "--register makes one",
          {{"webhook_id", id}});
      continue;
    }
    if (ours->status == "Enabled") continue;
    // What JobAdder sends along is stated anew; without the secret, as it was.
    const std::string authorization = parts->webhook_secret.empty()
                                          ? std::string()
                                          : webhook_authorization(parts->webhook_secret, tenant);
    auto command = jobadder::webhook_command(ours->name, ours->events, ours->url, authorization);
    auto updated = co_await client->update("/webhooks/" + id, std::move(command));
    if (!updated) co_return updated.error();
    parts->log.warn("webhook enabled again", {{"webhook_id", id}, {"was", ours->status}});
    count_enabled(*parts);
    ++enabled;
  }
  co_return enabled;
}

}  // namespace rwp::pods
