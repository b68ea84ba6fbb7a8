#include "testing_openai/fake_answer.hpp"
#include "testing_openai/fake_routes.hpp"
#include <rwp/ai/call_key.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <vector>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

constexpr std::int64_t kCreated = 1'760'000'000;
constexpr std::size_t kMostItems = 100;
constexpr std::uint64_t kEvery = 3;

std::string batch_json(const FakeBatch& batch) {
  JsonWriter out;
  const auto id_or_null = [&](const char* name, const std::string& id) {
    out.key(name);
    if (id.empty()) {
      out.null();
    } else {
      out.value(std::string_view(id));
    }
  };
  out.begin_object().member("id", std::string_view(batch.id)).member("object", "batch");
  out.member("endpoint", std::string_view(batch.endpoint));
  out.member("input_file_id", std::string_view(batch.input_file_id));
  out.member("completion_window", "24h").member("status", std::string_view(batch.status));
  id_or_null("output_file_id", batch.output_file_id);
  id_or_null("error_file_id", batch.error_file_id);
  out.key("errors");
  if (batch.reason.empty()) {
    out.null();
  } else {
    out.begin_object().member("object", "list").key("data").begin_array().begin_object();
    out.member("code", "invalid_json_line").member("message", std::string_view(batch.reason));
    out.end_object().end_array().end_object();
  }
  out.member("created_at", kCreated);
  out.key("request_counts").begin_object().member("total", batch.total);
  out.member("completed", batch.completed).member("failed", batch.failed).end_object();
  out.key("metadata").begin_object();
  for (const auto& [name, value] : batch.metadata) out.member(name, std::string_view(value));
  out.end_object().end_object();
  return out.finish().release();
}

/// A line of the input.
struct Line {
  std::string custom_id{};
  JsonText body{};
};

/// The lines of a file, or why the batch fails.
std::optional<std::string> read_lines(const std::string& content, const std::string& endpoint,
                                      std::vector<Line>& lines) {
  std::set<std::string> ids;
  std::string_view rest = content;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto document = body_of(std::string(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!document) return "This line is not parseable as valid JSON.";
    Line line;
    line.custom_id = text_of(document->root(), "custom_id");
    const auto body = document->root().find("body");
    if (line.custom_id.empty() || !body || text_of(document->root(), "url") != endpoint) {
      return "This line lacks custom_id or body, or has another url.";
    }
    if (!ids.insert(line.custom_id).second) return "The custom_id is not unique.";
    line.body = body->text();
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return "The file is empty.";
  return std::nullopt;
}

std::string line_json(std::uint64_t number, const Line& line, std::int64_t status,
                      const std::string& body) {
  JsonWriter out;
  out.begin_object();
  out.member("id", std::string_view("batch_req_" + std::to_string(number)));
  out.member("custom_id", std::string_view(line.custom_id));
  out.key("response").begin_object().member("status_code", status);
  out.member("request_id", std::string_view("req_" + std::to_string(number)));
  out.key("body").value(JsonText::trusted(body)).end_object();
  out.key("error").null().end_object();
  return out.finish().release();
}

std::string expired_json(std::uint64_t number, const Line& line) {
  JsonWriter out;
  out.begin_object();
  out.member("id", std::string_view("batch_req_" + std::to_string(number)));
  out.member("custom_id", std::string_view(line.custom_id)).key("response").null();
  out.key("error").begin_object().member("code", "batch_expired");
  out.member("message", "This request could not be executed before the completion window expired.");
  out.end_object().end_object();
  return out.finish().release();
}

struct Answered {
  std::int64_t status = 200;
  std::string body{};
};

Answered refusal(const Refused& said) {
  Answered answered;
  answered.status = said.status;
  answered.body = error_json(said);
  return answered;
}

awaitable<Answered> answer(SharedState state, std::string endpoint, JsonText body) {
  const JsonDocument document(body);
  Answered answered;
  if (endpoint == "/v1/embeddings") {
    auto read = read_embed_request(document.root());
    if (const auto* bad = std::get_if<Refused>(&read)) {
      co_return refusal(*bad);
    }
    auto& asked = std::get<EmbedAsked>(read);
    const std::string model = asked.request.model;
    const std::string key = ai::call_key(asked.request, model, "");
    asked.request.model.clear();
    auto reply = co_await state->model().embed(std::move(asked.request));
    if (!reply) {
      co_return refusal(refused(500, "failed", "server_error", ""));
    }
    state->charge(key, reply->usage, true);
    answered.body = embeddings_json(*reply, model, asked.base64);
    co_return answered;
  }
  auto read = read_chat_request(document.root(), state->options().refused_parameters);
  if (const auto* bad = std::get_if<Refused>(&read)) {
    co_return refusal(*bad);
  }
  auto& asked = std::get<ChatAsked>(read);
  ChatAnswer completion;
  completion.model = asked.request.model;
  auto reply = co_await answer_chat(state, std::move(asked.request), true);
  if (!reply) co_return refusal(refused(500, "failed", "server_error", ""));
  completion.reply = std::move(*reply);
  answered.body = completion_json(completion);
  co_return answered;
}

/// Whether the `index`-th of the lines (from 0) is one that the step is about.
bool is_hit(const FakeBatchStep& step, FakeBatchFault fault, std::uint64_t index) {
  if (step.fault != fault) return false;
  const std::uint64_t every = step.value < 1 ? kEvery : static_cast<std::uint64_t>(step.value);
  return (index + 1) % every == 0;
}

struct Outputs {
  std::vector<std::string> good{};
  std::vector<std::string> bad{};
};

awaitable<void> run_lines(SharedState state, FakeBatch* batch, std::vector<Line> lines,
                          Outputs* outputs) {
  const FakeBatchStep step = batch->step;
  const std::uint64_t until = step.fault != FakeBatchFault::expire ? lines.size()
                              : step.value >= 0 ? static_cast<std::uint64_t>(step.value)
                                                : lines.size() / 2;
  for (std::uint64_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (i >= until) {
      outputs->bad.push_back(expired_json(i, line));
      continue;
    }
    if (is_hit(step, FakeBatchFault::missing, i)) continue;
    if (is_hit(step, FakeBatchFault::partial, i)) {
      const auto body = error_json(refused(500, "The server had an error", "server_error", ""));
      outputs->bad.push_back(line_json(i, line, 500, body));
      continue;
    }
    if (is_hit(step, FakeBatchFault::zero_status, i)) {
      outputs->good.push_back(line_json(i, line, 0, "null"));
      continue;
    }
    Answered answered = co_await answer(state, batch->endpoint, line.body);
    auto& file = answered.status == 200 ? outputs->good : outputs->bad;
    file.push_back(line_json(i, line, answered.status, answered.body));
    if (step.fault == FakeBatchFault::doubled) file.push_back(file.back());
  }
}

/// A file with the lines in reverse order; none for no lines.
std::string put_lines(FakeState& state, const std::string& name,
                      const std::vector<std::string>& lines, const std::string& tail) {
  if (lines.empty()) return {};
  FakeFile file;
  file.filename = name;
  file.purpose = "batch_output";
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) file.content += *line + "\n";
  file.content += tail;
  return state.shelf().put(std::move(file)).id;
}

/// Brings a batch to its end.
awaitable<void> run_batch(SharedState state, FakeBatch batch) {
  const auto input = state->shelf().file(batch.input_file_id);
  std::vector<Line> lines;
  auto wrong = input ? read_lines(input->content, batch.endpoint, lines)
                     : std::optional<std::string>("The input file is gone.");
  if (batch.step.fault == FakeBatchFault::fail) wrong = "The script says fail.";
  batch.running = false;
  if (wrong) {
    batch.status = "failed";
    batch.reason = *wrong;
    state->shelf().change(batch);
    co_return;
  }
  batch.total = lines.size();
  const bool cancelling = batch.status == "cancelling";
  Outputs outputs;
  if (cancelling) lines.resize(lines.size() / 2);  // What was under way is finished.
  co_await run_lines(state, &batch, std::move(lines), &outputs);
  batch.completed = outputs.good.size();
  batch.failed = outputs.bad.size();
  const bool bad_tail = batch.step.fault == FakeBatchFault::bad_line;
  batch.output_file_id =
      put_lines(*state, batch.id + "_output.jsonl", outputs.good, bad_tail ? "{\"id\":\n" : "");
  batch.error_file_id = put_lines(*state, batch.id + "_error.jsonl", outputs.bad, "");
  batch.status = cancelling                                   ? "cancelled"
                 : batch.step.fault == FakeBatchFault::expire ? "expired"
                                                              : "completed";
  state->shelf().change(batch);
}

awaitable<void> run_due(SharedState state) {
  while (auto due = state->shelf().take_due()) co_await run_batch(state, std::move(*due));
}

Response no_batch(const std::string& id) {
  return error_response(
      refused(404, "No batch found with id '" + id + "'.", "invalid_request_error", "not_found"));
}

awaitable<Response> create(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request.body);
  if (!body) co_return no_json();
  FakeBatch batch;
  batch.input_file_id = text_of(body->root(), "input_file_id");
  batch.endpoint = text_of(body->root(), "endpoint");
  if (text_of(body->root(), "completion_window") != "24h" ||
      (batch.endpoint != "/v1/chat/completions" && batch.endpoint != "/v1/embeddings")) {
    co_return error_response(refused(400, "Invalid endpoint or completion_window",
                                     "invalid_request_error", "invalid_value"));
  }
  if (!state->shelf().file(batch.input_file_id)) {
    co_return error_response(
        refused(400, "Invalid input_file_id", "invalid_request_error", "invalid_value"));
  }
  if (const auto metadata = body->root().find("metadata")) {
    metadata->each_member([&](std::string_view name, JsonView value) {
      batch.metadata.emplace_back(name, value.as_string().value_or(std::string_view()));
      return true;
    });
  }
  batch.step = state->shelf().next(false);
  switch (batch.step.fault) {
    case FakeBatchFault::refuse:
      co_return error_response(refused(400, "Refused", "invalid_request_error", ""));
    case FakeBatchFault::rate_limit:
      co_return limited_at_once(request);
    case FakeBatchFault::lost:
      state->shelf().add(std::move(batch));
      co_return no_answer_at_all();
    case FakeBatchFault::late: {
      const auto late = batch.step.value < 0 ? 1'000 : batch.step.value;
      state->shelf().add(std::move(batch), std::chrono::milliseconds(late));
      co_return no_answer_at_all();
    }
    default:
      break;
  }
  FakeBatch made = state->shelf().add(std::move(batch));
  made.status = "validating";  // As OpenAI says it first.
  co_return server::json_response(200, batch_json(made));
}

awaitable<Response> list(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  co_await run_due(state);
  const std::string after(request.query_value("after").value_or(std::string_view()));
  const std::string_view told = request.query_value("limit").value_or(std::string_view());
  std::size_t limit = 20;
  std::from_chars(told.data(), told.data() + told.size(), limit);
  limit = std::min(limit, kMostItems);
  JsonWriter out;
  out.begin_object().member("object", "list").key("data").begin_array();
  std::size_t count = 0;
  bool more = false;
  for (const auto& batch : state->shelf().batches()) {
    if (!after.empty() && batch.id >= after) continue;
    more = count == limit;
    if (more) break;
    ++count;
    out.value(JsonText::trusted(batch_json(batch)));
  }
  out.end_array().member("has_more", more).end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> show(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  co_await run_due(state);
  const auto batch = state->shelf().batch(request.parameters["id"]);
  co_return batch ? server::json_response(200, batch_json(*batch))
                  : no_batch(request.parameters["id"]);
}

awaitable<Response> cancel(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  auto batch = state->shelf().batch(request.parameters["id"]);
  if (!batch) co_return no_batch(request.parameters["id"]);
  if (batch->status != "in_progress") {
    co_return error_response(refused(409,
                                     "Cannot cancel a batch with status '" + batch->status + "'.",
                                     "invalid_request_error", ""));
  }
  batch->status = "cancelling";
  batch->due_at = std::chrono::steady_clock::now();
  state->shelf().change(*batch);
  co_return server::json_response(200, batch_json(*batch));
}

}  // namespace

void add_batch_routes(FakeRoutes& routes) {
  routes.add("POST", "/v1/batches", &create);
  routes.add("GET", "/v1/batches", &list);
  routes.add("GET", "/v1/batches/{id}", &show);
  routes.add("POST", "/v1/batches/{id}/cancel", &cancel);
}

}  // namespace rwp::testing
