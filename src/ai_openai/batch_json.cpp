#include "ai_openai/batch_json.hpp"

#include "ai_openai/json_call.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace rwp::ai_openai {
namespace {

using ai::BatchStatus;

constexpr std::size_t kMostFileBytes = std::size_t{200} << 20U;
constexpr std::size_t kMostNameBytes = 256;
constexpr std::size_t kMostPairs = 16;
constexpr std::chrono::hours kShortestLife{1};
constexpr std::chrono::hours kLongestLife{720};

constexpr std::array<std::pair<std::string_view, BatchStatus>, 8> kStatuses{{
    {"validating", BatchStatus::validating},
    {"failed", BatchStatus::failed},
    {"in_progress", BatchStatus::in_progress},
    {"finalizing", BatchStatus::finalizing},
    {"completed", BatchStatus::completed},
    {"expired", BatchStatus::expired},
    {"cancelling", BatchStatus::cancelling},
    {"cancelled", BatchStatus::cancelled},
}};

Error bad(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

std::chrono::system_clock::time_point time_member(JsonView object, std::string_view name) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(count_member(object, name)));
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c < '\x7F' && c != '"' && c != '\\'; });
}

}  // namespace

std::optional<ai::ProviderFile> read_file(JsonView object) {
  ai::ProviderFile file;
  file.id = text_member(object, "id");
  if (file.id.empty()) return std::nullopt;
  file.filename = text_member(object, "filename");
  file.purpose = text_member(object, "purpose");
  file.bytes = count_member(object, "bytes");
  file.created_at = time_member(object, "created_at");
  file.document = object.text();
  return file;
}

std::optional<ai::Batch> read_batch(JsonView object) {
  ai::Batch batch;
  batch.id = text_member(object, "id");
  const std::string word = text_member(object, "status");
  const auto* const known = std::find_if(kStatuses.begin(), kStatuses.end(),
                                         [&](const auto& status) { return status.first == word; });
  if (batch.id.empty() || word.empty()) return std::nullopt;
  batch.status = known == kStatuses.end() ? BatchStatus::unknown : known->second;
  batch.endpoint = text_member(object, "endpoint");
  batch.input_file_id = text_member(object, "input_file_id");
  batch.output_file_id = text_member(object, "output_file_id");
  batch.error_file_id = text_member(object, "error_file_id");
  batch.created_at = time_member(object, "created_at");
  if (const auto metadata = object.find("metadata")) {
    metadata->each_member([&](std::string_view name, JsonView value) {
      batch.metadata.emplace(std::string(name),
                             std::string(value.as_string().value_or(std::string_view())));
      return batch.metadata.size() < kMostPairs;
    });
  }
  if (const auto counts = object.find("request_counts")) {
    batch.total = count_member(*counts, "total");
    batch.completed = count_member(*counts, "completed");
    batch.failed = count_member(*counts, "failed");
  }
  const auto errors = object.find("errors");
  const auto list = errors ? errors->find("data") : std::nullopt;
  if (list && list->kind() == JsonKind::array && list->size() > 0) {
    batch.reason = text_member(list->at(0), "message");
  }
  batch.document = object.text();
  return batch;
}

JsonText batch_json(const ai::BatchRequest& request) {
  JsonWriter out;
  out.begin_object();
  out.member("input_file_id", std::string_view(request.input_file_id));
  out.member("endpoint", std::string_view(request.endpoint));
  out.member("completion_window", "24h");
  if (!request.metadata.empty()) {
    out.key("metadata").begin_object();
    for (const auto& [name, value] : request.metadata) out.member(name, std::string_view(value));
    out.end_object();
  }
  out.end_object();
  return out.finish();
}

std::string file_form(const ai::FileUpload& upload, const std::string& boundary) {
  std::string form;
  form.reserve(upload.content.size() + 1'024);
  const auto field = [&](const std::string& name, const std::string& value) {
    form += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n";
    form += value + "\r\n";
  };
  field("purpose", upload.purpose);
  if (upload.expires_after.count() > 0) {
    field("expires_after[anchor]", "created_at");
    field("expires_after[seconds]", std::to_string(upload.expires_after.count()));
  }
  form += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" +
          upload.filename + "\"\r\nContent-Type: application/octet-stream\r\n\r\n";
  form += upload.content;
  form += "\r\n--" + boundary + "--\r\n";
  return form;
}

Result<void> check_upload(const ai::FileUpload& upload) {
  if (upload.filename.empty() || upload.filename.size() > kMostNameBytes ||
      !is_plain(upload.filename)) {
    return bad("filename: must be 1 to 256 printable ASCII characters without quotes");
  }
  if (upload.purpose.empty() || upload.purpose.size() > kMostNameBytes ||
      !is_plain(upload.purpose)) {
    return bad("purpose: must be 1 to 256 printable ASCII characters without quotes");
  }
  if (upload.content.empty() || upload.content.size() > kMostFileBytes) {
    return bad("content: must be 1 byte to 200 MiB");
  }
  if (upload.expires_after.count() != 0 &&
      (upload.expires_after < kShortestLife || upload.expires_after > kLongestLife)) {
    return bad("expires_after: must be 1 h to 30 days");
  }
  return {};
}

Result<void> check_batch(const ai::BatchRequest& request) {
  if (request.input_file_id.empty()) return bad("input_file_id: must not be empty");
  if (request.metadata.size() > kMostPairs) return bad("metadata: must be at most 16 pairs");
  for (const auto& [name, value] : request.metadata) {
    if (name.empty() || name.size() > 64 || value.size() > 512 || !is_valid_utf8(name) ||
        !is_valid_utf8(value)) {
      return bad("metadata: names must be 1 to 64 and values at most 512 bytes of UTF-8");
    }
  }
  return {};
}

}  // namespace rwp::ai_openai
