#include "pods/batch_record.hpp"

#include "pods/file_shelf.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <chrono>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::string_view kIdPrefix = "batch_";
constexpr std::size_t kIdDigits = 32;

std::string text_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

std::int64_t number_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? member->as_int64().value_or(0) : 0;
}

std::int64_t seconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

void time_or_null(JsonWriter& out, std::string_view name, std::int64_t seconds) {
  out.key(name);
  if (seconds == 0) {
    out.null();
  } else {
    out.value(seconds);
  }
}

void text_or_null(JsonWriter& out, std::string_view name, const std::string& text) {
  out.key(name);
  if (text.empty()) {
    out.null();
  } else {
    out.value(std::string_view(text));
  }
}

/// How a job stands is told by its record, but for ends that its record knows nothing of.
BatchRecord record_of(const jobs::Job& job) {
  BatchRecord record;
  if (job.cursor) record = read_record(*job.cursor);
  if (job.state == jobs::JobState::succeeded && job.result) record = read_record(*job.result);
  if (job.state != jobs::JobState::failed && job.state != jobs::JobState::cancelled) return record;
  record.status = job.state == jobs::JobState::failed ? "failed" : "cancelled";
  if (job.finished_at) record.ended_at = seconds_of(*job.finished_at);
  if (job.state == jobs::JobState::failed && !job.errors.empty()) {
    record.faults.push_back({"server_error", job.errors.back().message, 0});
  }
  return record;
}

}  // namespace

JsonText order_json(const BatchOrder& order) {
  JsonWriter out;
  out.begin_object().member("input_file", std::string_view(order.input_file));
  out.member("endpoint", std::string_view(order.endpoint)).key("metadata").begin_object();
  for (const auto& [name, value] : order.metadata) out.member(name, std::string_view(value));
  out.end_object().member("output_expires_seconds", order.output_expires_seconds).end_object();
  return out.finish();
}

BatchOrder read_order(const JsonText& payload) {
  const JsonDocument document(payload);
  BatchOrder order;
  order.input_file = text_in(document.root(), "input_file");
  order.endpoint = text_in(document.root(), "endpoint");
  order.output_expires_seconds = number_in(document.root(), "output_expires_seconds");
  if (const auto metadata = document.root().find("metadata")) {
    metadata->each_member([&](std::string_view name, JsonView value) {
      order.metadata.emplace(std::string(name), std::string(value.as_string().value_or("")));
      return true;
    });
  }
  return order;
}

JsonText record_json(const BatchRecord& record) {
  JsonWriter out;
  out.begin_object().member("status", std::string_view(record.status));
  out.member("total", record.total).member("completed", record.completed);
  out.member("failed", record.failed).member("groups", record.groups);
  out.member("cut_by", std::string_view(record.cut_by));
  out.member("output_file", std::string_view(record.output_file));
  out.member("error_file", std::string_view(record.error_file));
  out.member("model", std::string_view(record.model));
  out.member("input_tokens", record.input_tokens).member("output_tokens", record.output_tokens);
  out.member("in_progress_at", record.in_progress_at);
  out.member("finalizing_at", record.finalizing_at).member("ended_at", record.ended_at);
  out.key("faults").begin_array();
  for (const auto& fault : record.faults) {
    out.begin_object().member("code", std::string_view(fault.code));
    out.member("message", std::string_view(fault.message)).member("line", fault.line).end_object();
  }
  out.end_array().end_object();
  return out.finish();
}

BatchRecord read_record(const JsonText& text) {
  const JsonDocument document(text);
  const JsonView root = document.root();
  BatchRecord record;
  if (auto status = text_in(root, "status"); !status.empty()) record.status = std::move(status);
  record.total = number_in(root, "total");
  record.completed = number_in(root, "completed");
  record.failed = number_in(root, "failed");
  record.groups = number_in(root, "groups");
  record.cut_by = text_in(root, "cut_by");
  record.output_file = text_in(root, "output_file");
  record.error_file = text_in(root, "error_file");
  record.model = text_in(root, "model");
  record.input_tokens = number_in(root, "input_tokens");
  record.output_tokens = number_in(root, "output_tokens");
  record.in_progress_at = number_in(root, "in_progress_at");
  record.finalizing_at = number_in(root, "finalizing_at");
  record.ended_at = number_in(root, "ended_at");
  const auto faults = root.find("faults");
  for (std::size_t i = 0; faults && i < faults->size(); ++i) {
    const auto fault = faults->at(i);
    record.faults.push_back(
        {text_in(fault, "code"), text_in(fault, "message"), number_in(fault, "line")});
  }
  return record;
}

std::string batch_id(const Uuid& job) { return std::string(kIdPrefix) + hex_of(job); }

std::optional<Uuid> job_of_batch(std::string_view id) {
  if (id.size() != kIdPrefix.size() + kIdDigits || !id.starts_with(kIdPrefix)) return std::nullopt;
  std::string text(id.substr(kIdPrefix.size()));
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  const auto job = Uuid::parse(text);
  return job ? std::optional<Uuid>(*job) : std::nullopt;
}

JsonText batch_document(const jobs::Job& job, bool is_cancelling) {
  const BatchOrder order = read_order(job.payload);
  BatchRecord record = record_of(job);
  const bool has_ended = jobs::has_ended(job.state);
  if (!has_ended && (is_cancelling || job.cancel_requested)) record.status = "cancelling";
  const auto ended_as = [&](std::string_view status) {
    return record.status == status ? record.ended_at : 0;
  };
  const auto created = seconds_of(job.created_at);
  JsonWriter out;
  out.begin_object().member("id", std::string_view(batch_id(job.id))).member("object", "batch");
  out.member("endpoint", std::string_view(order.endpoint));
  text_or_null(out, "model", record.model);
  out.key("errors");
  if (record.faults.empty()) {
    out.null();
  } else {
    out.begin_object().member("object", "list").key("data").begin_array();
    for (const auto& fault : record.faults) {
      out.begin_object().member("code", std::string_view(fault.code));
      out.member("message", std::string_view(fault.message)).key("param").null();
      time_or_null(out, "line", fault.line);
      out.end_object();
    }
    out.end_array().end_object();
  }
  out.member("input_file_id", std::string_view(order.input_file));
  out.member("completion_window", "24h").member("status", std::string_view(record.status));
  text_or_null(out, "output_file_id", record.output_file);
  text_or_null(out, "error_file_id", record.error_file);
  out.member("created_at", created);
  time_or_null(out, "in_progress_at", record.in_progress_at);
  out.member("expires_at", created + kBatchWindowSeconds);
  time_or_null(out, "finalizing_at", record.finalizing_at);
  time_or_null(out, "completed_at", ended_as("completed"));
  time_or_null(out, "failed_at", ended_as("failed"));
  time_or_null(out, "expired_at", ended_as("expired"));
  out.key("cancelling_at").null();
  time_or_null(out, "cancelled_at", ended_as("cancelled"));
  out.key("request_counts").begin_object().member("total", record.total);
  out.member("completed", record.completed).member("failed", record.failed).end_object();
  out.key("usage").begin_object().member("input_tokens", record.input_tokens);
  out.member("output_tokens", record.output_tokens);
  out.member("total_tokens", record.input_tokens + record.output_tokens);
  out.key("input_tokens_details").begin_object().member("cached_tokens", 0).end_object();
  out.key("output_tokens_details").begin_object().member("reasoning_tokens", 0).end_object();
  out.end_object().key("metadata").begin_object();
  for (const auto& [name, value] : order.metadata) out.member(name, std::string_view(value));
  out.end_object().end_object();
  return out.finish();
}

std::string batch_folder(const std::string& tenant, const Uuid& job) {
  return "ai-batches/" + tenant_segment(tenant) + "/" + hex_of(job) + "/";
}

}  // namespace rwp::pods
