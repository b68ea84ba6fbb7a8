#include "ai_batch/row.hpp"

#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace rwp::ai_batch {
namespace {

constexpr std::string_view kPrefix = "rwp-ai-batch:";

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

void write_accounts(JsonWriter& out, const std::vector<std::string>& accounts) {
  if (accounts.empty()) return;
  out.key("accounts").begin_array();
  for (const auto& account : accounts) out.value(std::string_view(account));
  out.end_array();
}

std::vector<std::string> accounts_in(JsonView object) {
  std::vector<std::string> accounts;
  const auto list = object.find("accounts");
  if (!list || list->kind() != JsonKind::array) return accounts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    accounts.emplace_back(list->at(i).as_string().value_or(std::string_view()));
  }
  return accounts;
}

}  // namespace

JsonText row_json(const Row& row) {
  JsonWriter out;
  out.begin_object().member("job", std::string_view(row.job.to_string()));
  out.member("key", std::string_view(row.key)).member("model", std::string_view(row.model));
  if (!row.kind.empty()) out.member("kind", std::string_view(row.kind));
  out.member("body", row.body);
  write_accounts(out, row.accounts);
  out.end_object();
  return out.finish();
}

Result<Row> read_row(const JsonText& payload) {
  const JsonDocument document(payload);
  Row row;
  const auto job = Uuid::parse(text_of(document.root(), "job"));
  const auto body = document.root().find("body");
  row.key = text_of(document.root(), "key");
  row.model = text_of(document.root(), "model");
  row.kind = text_of(document.root(), "kind");
  if (!job || !body || row.key.empty()) {
    return Error(Errc::invalid_argument, "payload: must have job, key and body");
  }
  row.job = *job;
  row.body = body->text();
  row.accounts = accounts_in(document.root());
  return row;
}

std::string wait_key(std::uint64_t run_token, int attempt) {
  return std::string(kPrefix) + std::to_string(run_token) + "/" + std::to_string(attempt);
}

bool is_answer_of(std::string_view key, int attempt) {
  return key.starts_with(kPrefix) && key.ends_with("/" + std::to_string(attempt));
}

std::uint64_t runs_since(std::string_view key, std::uint64_t run_token) {
  key.remove_prefix(std::min(key.size(), kPrefix.size()));
  std::uint64_t waited = 0;
  std::from_chars(key.data(), key.data() + key.size(), waited);
  return run_token > waited ? run_token - waited : 1;
}

JsonText delivery_json(const Delivery& delivery) {
  JsonWriter out;
  out.begin_object().member("status", delivery.status);
  if (delivery.status == 0) {
    out.member("error", std::string_view(delivery.error));
  } else {
    out.member("body", delivery.body);
  }
  write_accounts(out, delivery.accounts);
  out.end_object();
  return out.finish();
}

std::optional<Delivery> read_delivery(const JsonText& value) {
  const JsonDocument document(value);
  const auto status = document.root().find("status");
  const auto number = status ? status->as_int64() : std::nullopt;
  if (!number || *number < 0 || *number > 999) return std::nullopt;
  Delivery delivery;
  delivery.status = static_cast<int>(*number);
  delivery.error = text_of(document.root(), "error");
  if (const auto body = document.root().find("body")) delivery.body = body->text();
  delivery.accounts = accounts_in(document.root());
  return delivery;
}

}  // namespace rwp::ai_batch
