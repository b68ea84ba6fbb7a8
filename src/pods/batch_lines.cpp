#include "pods/batch_lines.hpp"

#include "pods/file_shelf.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostFaults = 10;
constexpr std::size_t kMostIdBytes = 512;

std::string text_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

}  // namespace

JsonText line_json(const Uuid& batch, const BatchLine& line) {
  JsonWriter out;
  out.begin_object().member("batch", std::string_view(batch.to_string()));
  out.member("custom_id", std::string_view(line.custom_id));
  out.member("url", std::string_view(line.url)).member("body", line.body).end_object();
  return out.finish();
}

Result<BatchLine> read_line(const JsonText& payload) {
  const JsonDocument document(payload);
  const auto body = document.root().find("body");
  BatchLine line;
  line.custom_id = text_in(document.root(), "custom_id");
  line.url = text_in(document.root(), "url");
  const auto batch = Uuid::parse(text_in(document.root(), "batch"));
  if (!batch || !body || line.url.empty()) {
    return Error(Errc::invalid_argument, "payload: must have batch, url and body");
  }
  line.batch = *batch;
  line.body = body->text();
  return line;
}

void BatchInput::fault(const char* code, std::string message) {
  if (faults_.size() >= kMostFaults) return;
  faults_.push_back({code, std::move(message), static_cast<std::int64_t>(number_)});
}

void BatchInput::rewind() {
  at_ = 0;
  number_ = 0;
  ids_.clear();
  faults_.clear();
}

std::optional<BatchLine> BatchInput::next() {
  while (!at_end()) {
    const auto end = std::min(content_.find('\n', at_), content_.size());
    const auto line = std::string_view(content_).substr(at_, end - at_);
    at_ = end + 1;
    ++number_;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      // One at the end is how many write the last line.
      if (!at_end()) fault("empty_line", "This line is empty.");
      continue;
    }
    if (ids_.size() >= kMostBatchLines) {
      fault("too_many_requests", "A batch has at most 50000 requests.");
      at_ = content_.size();
      break;
    }
    if (auto taken = take(line)) return taken;
  }
  return std::nullopt;
}

std::optional<BatchLine> BatchInput::take(std::string_view line) {
  if (line.size() > kMostLineBytes) {
    fault("request_too_large", "This line is longer than 900000 bytes.");
    return std::nullopt;
  }
  const auto text = JsonText::parse(std::string(line));
  if (!text) {
    fault("invalid_json_line", "This line is not parseable as valid JSON.");
    return std::nullopt;
  }
  const JsonDocument document(*text);
  const JsonView root = document.root();
  BatchLine made;
  made.custom_id = text_in(root, "custom_id");
  made.url = text_in(root, "url");
  const auto body = root.find("body");
  const auto stream = body ? body->find("stream") : std::nullopt;
  if (made.custom_id.empty() || made.custom_id.size() > kMostIdBytes) {
    fault("missing_required_parameter", "custom_id must be 1 to 512 bytes of text.");
  } else if (!ids_.insert(made.custom_id).second) {
    fault("duplicate_custom_id", "The custom_id stands in an earlier line.");
  } else if (text_in(root, "method") != "POST") {
    fault("invalid_method", "method must be POST.");
  } else if (made.url != endpoint_) {
    fault("mismatched_endpoint", "url must be the batch's endpoint, " + endpoint_ + ".");
  } else if (!body || body->kind() != JsonKind::object) {
    fault("missing_required_parameter", "body must be an object.");
  } else if (stream && stream->as_bool() == true) {
    fault("invalid_value", "body.stream: only false is supported in a batch.");
  } else {
    made.body = body->text();
    return made;
  }
  return std::nullopt;
}

JsonText line_end_json(const LineEnd& end) {
  JsonWriter out;
  out.begin_object().member("status", end.status);
  out.member("request_id", std::string_view(end.request_id));
  if (end.object.empty()) {
    out.member("body", end.body);
  } else {
    out.member("object", std::string_view(end.object));
  }
  out.end_object();
  return out.finish();
}

LineEnd read_line_end(const JsonText& text) {
  const JsonDocument document(text);
  LineEnd end;
  const auto status = document.root().find("status");
  end.status = static_cast<int>(status ? status->as_int64().value_or(0) : 0);
  end.request_id = text_in(document.root(), "request_id");
  end.object = text_in(document.root(), "object");
  if (const auto body = document.root().find("body")) end.body = body->text();
  return end;
}

std::string output_line(const Uuid& job, std::string_view custom_id, const LineEnd& end,
                        std::string_view error_code, std::string_view error_message) {
  JsonWriter out;
  out.begin_object().member("id", std::string_view("batch_req_" + hex_of(job)));
  out.member("custom_id", custom_id).key("response");
  if (!error_code.empty()) {
    out.null().key("error").begin_object().member("code", error_code);
    out.member("message", error_message).end_object();
  } else {
    out.begin_object().member("status_code", end.status);
    out.member("request_id", std::string_view(end.request_id)).member("body", end.body);
    out.end_object().key("error").null();
  }
  out.end_object();
  return out.finish().release() + "\n";
}

}  // namespace rwp::pods
