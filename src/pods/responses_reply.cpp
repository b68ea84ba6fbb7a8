#include "pods/responses_reply.hpp"

#include <rwp/core/json_writer.hpp>
#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <utility>

namespace rwp::pods {
namespace {

std::string new_id(std::string_view prefix) {
  std::string id = Uuid::make_v7().to_string();
  std::erase(id, '-');
  return std::string(prefix) + id;
}

std::string_view text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? member->as_string().value_or(std::string_view()) : std::string_view();
}

std::int64_t number_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::max<std::int64_t>(member->as_int64().value_or(0), 0) : 0;
}

std::int64_t detail_of(JsonView usage, std::string_view group, std::string_view name) {
  const auto details = usage.find(group);
  return details ? number_of(*details, name) : 0;
}

std::vector<JsonText> logprobs_of(JsonView choice) {
  std::vector<JsonText> some;
  const auto all = choice.find("logprobs");
  const auto content = all ? all->find("content") : std::nullopt;
  if (!content || content->kind() != JsonKind::array) return some;
  for (std::size_t i = 0; i < content->size(); ++i) some.push_back(content->at(i).text());
  return some;
}

JsonText usage_json(JsonView usage) {
  const auto input = number_of(usage, "prompt_tokens");
  const auto output = number_of(usage, "completion_tokens");
  JsonWriter out;
  out.begin_object().member("input_tokens", input).key("input_tokens_details").begin_object();
  out.member("cached_tokens", detail_of(usage, "prompt_tokens_details", "cached_tokens"));
  out.end_object().member("output_tokens", output).key("output_tokens_details").begin_object();
  out.member("reasoning_tokens", detail_of(usage, "completion_tokens_details", "reasoning_tokens"));
  out.end_object().member("total_tokens", input + output).end_object();
  return out.finish();
}

void write_list(JsonWriter& out, const std::vector<JsonText>& list) {
  out.begin_array();
  for (const auto& one : list) out.value(one);
  out.end_array();
}

Error no_completion(std::string_view why) {
  return Error(Errc::corrupt, "the model's answer is no chat completion: " + std::string(why));
}

}  // namespace

/// One event of the response, numbered.
class ResponseTranslation::Event {
 public:
  Event(std::string_view name, std::int64_t& sequence) : name_(name) {
    out_.begin_object().member("type", name).member("sequence_number", sequence++);
  }
  template <class T>
  Event& with(std::string_view member, const T& value) {
    out_.member(member, value);
    return *this;
  }
  JsonWriter& out() { return out_; }
  std::string text() {
    out_.end_object();
    return "event: " + name_ + "\ndata: " + out_.finish().release() + "\n\n";
  }

 private:
  const std::string name_;
  JsonWriter out_;
};

ResponseTranslation::ResponseTranslation(std::map<std::string, JsonText> echo)
    : echo_(std::move(echo)) {}

std::string ResponseTranslation::new_item_id(const char* prefix) const {
  return prefix + id_ + "_" + std::to_string(items_.size());
}

std::string_view ResponseTranslation::end_status() const {
  return finish_ == "length" || finish_ == "content_filter" ? "incomplete" : "completed";
}

JsonText ResponseTranslation::item_json(const Item& item, std::string_view status) {
  JsonWriter out;
  out.begin_object().member("id", std::string_view(item.id));
  out.member("type", item.is_call ? "function_call" : "message").member("status", status);
  if (item.is_call) {
    out.member("call_id", std::string_view(item.call_id));
    out.member("name", std::string_view(item.name));
    out.member("arguments", std::string_view(item.arguments)).end_object();
    return out.finish();
  }
  out.member("role", "assistant").key("content").begin_array();
  for (const auto& part : item.parts) {
    out.begin_object();
    if (part.is_refusal) {
      out.member("type", "refusal").member("refusal", std::string_view(part.text));
    } else {
      out.member("type", "output_text").member("text", std::string_view(part.text));
      out.key("annotations").begin_array().end_array().key("logprobs");
      write_list(out, part.logprobs);
    }
    out.end_object();
  }
  out.end_array().end_object();
  return out.finish();
}

JsonText ResponseTranslation::response(std::string_view status) const {
  JsonWriter out;
  out.begin_object().member("id", std::string_view("resp_" + id_)).member("object", "response");
  out.member("created_at", created_).member("status", status);
  out.member("model", std::string_view(model_)).key("error").null();
  out.key("incomplete_details");
  if (status == "incomplete") {
    out.begin_object();
    out.member("reason", finish_ == "length" ? "max_output_tokens" : "content_filter");
    out.end_object();
  } else {
    out.null();
  }
  out.key("output").begin_array();
  if (status != "in_progress") {
    for (const auto& item : items_) {
      // Of several items the last is the one that was cut.
      const bool is_cut = status == "incomplete" && &item == &items_.back();
      out.value(item_json(item, is_cut ? "incomplete" : "completed"));
    }
  }
  out.end_array().key("usage");
  if (usage_) {
    out.value(*usage_);
  } else {
    out.null();
  }
  const auto echoed = [&](const char* name, std::string_view otherwise) {
    const auto found = echo_.find(name);
    out.key(name).value(found == echo_.end() ? JsonText::trusted(std::string(otherwise))
                                             : found->second);
  };
  echoed("instructions", "null");
  echoed("max_output_tokens", "null");
  echoed("metadata", "{}");
  echoed("parallel_tool_calls", "true");
  echoed("reasoning", R"({"effort":null,"summary":null})");
  echoed("temperature", "null");
  echoed("text", R"({"format":{"type":"text"}})");
  echoed("tool_choice", R"("auto")");
  echoed("tools", "[]");
  echoed("top_p", "null");
  echoed("user", "null");
  out.key("previous_response_id").null().member("store", false).member("truncation", "disabled");
  if (!tier_.empty()) out.member("service_tier", std::string_view(tier_));
  out.end_object();
  return out.finish();
}

void ResponseTranslation::take_head(JsonView chunk) {
  if (id_.empty()) {
    // The same for the same chat, also when it is told once more.
    id_ = text_of(chunk, "id").empty() ? new_id("") : std::string(text_of(chunk, "id"));
    created_ = number_of(chunk, "created");
  }
  if (const auto model = text_of(chunk, "model"); !model.empty()) model_ = model;
  if (const auto tier = text_of(chunk, "service_tier"); !tier.empty()) tier_ = tier;
}

void ResponseTranslation::take_usage(JsonView chunk) {
  const auto usage = chunk.find("usage");
  if (usage && usage->kind() == JsonKind::object) usage_ = usage_json(*usage);
}

Result<JsonText> ResponseTranslation::whole(std::string completion) {
  const auto text = JsonText::parse(std::move(completion));
  if (!text) return no_completion(text.error().message());
  const JsonDocument document(*text);
  const auto choices = document.root().find("choices");
  if (!choices || choices->size() == 0) return no_completion("it has no choices");
  const auto choice = choices->at(0);
  const auto said = choice.find("message");
  if (!said) return no_completion("it has no message");
  take_head(document.root());
  take_usage(document.root());
  finish_ = text_of(choice, "finish_reason");
  (void)take_delta(*said, logprobs_of(choice));
  if (items_.empty()) (void)take_text(false, "", {});
  return response(end_status());
}

Result<std::string> ResponseTranslation::feed(std::string_view bytes) {
  auto events = parser_.feed(bytes);
  if (!events) return events.error();
  std::string told;
  for (const auto& event : *events) {
    if (ended_) break;
    if (event.data == "[DONE]") {
      told += end();
      continue;
    }
    const auto text = JsonText::parse(event.data);
    if (!text) return no_completion(text.error().message());
    const JsonDocument document(*text);
    const auto error = document.root().find("error");
    if (error && !error->is_null()) {
      told += fail(*error);
    } else {
      told += take_chunk(document.root());
    }
  }
  // What was no event kept the connection alive.
  if (told.empty() && events->empty()) told = ": ping\n\n";
  return told;
}

std::string ResponseTranslation::take_chunk(JsonView chunk) {
  take_head(chunk);
  take_usage(chunk);
  std::string told = begin();
  const auto choices = chunk.find("choices");
  for (std::size_t i = 0; choices && i < choices->size(); ++i) {
    const auto choice = choices->at(i);
    if (const auto delta = choice.find("delta"); delta && delta->kind() == JsonKind::object) {
      told += take_delta(*delta, logprobs_of(choice));
    }
    if (const auto reason = text_of(choice, "finish_reason"); !reason.empty()) finish_ = reason;
  }
  return told;
}

std::string ResponseTranslation::take_delta(JsonView delta, const std::vector<JsonText>& logprobs) {
  std::string told;
  if (const auto text = text_of(delta, "content"); !text.empty()) {
    told += take_text(false, text, logprobs);
  }
  if (const auto text = text_of(delta, "refusal"); !text.empty()) {
    told += take_text(true, text, {});
  }
  const auto calls = delta.find("tool_calls");
  for (std::size_t i = 0; calls && calls->kind() == JsonKind::array && i < calls->size(); ++i) {
    told += take_call(calls->at(i));
  }
  return told;
}

std::string ResponseTranslation::begin() {
  if (std::exchange(begun_, true)) return {};
  std::string told;
  for (const char* name : {"response.created", "response.in_progress"}) {
    told += Event(name, sequence_).with("response", response("in_progress")).text();
  }
  return told;
}

std::size_t ResponseTranslation::message() {
  if (message_) return *message_;
  Item item;
  item.id = new_item_id("msg_");
  items_.push_back(std::move(item));
  message_ = items_.size() - 1;
  return *message_;
}

namespace {

JsonText part_json(bool is_refusal, std::string_view text, const std::vector<JsonText>& logprobs) {
  JsonWriter out;
  out.begin_object();
  if (is_refusal) {
    out.member("type", "refusal").member("refusal", text).end_object();
    return out.finish();
  }
  out.member("type", "output_text").member("text", text);
  out.key("annotations").begin_array().end_array().key("logprobs");
  write_list(out, logprobs);
  out.end_object();
  return out.finish();
}

}  // namespace

std::string ResponseTranslation::take_text(bool is_refusal, std::string_view text,
                                           const std::vector<JsonText>& logprobs) {
  std::string told;
  const bool is_new = !message_;
  const std::size_t index = message();
  const auto at = static_cast<std::int64_t>(index);
  if (is_new) {
    told += Event("response.output_item.added", sequence_)
                .with("output_index", at)
                .with("item", item_json(items_[index], "in_progress"))
                .text();
  }
  Item& item = items_[index];
  if (item.parts.empty() || item.parts.back().is_refusal != is_refusal) {
    Part part;
    part.is_refusal = is_refusal;
    item.parts.push_back(std::move(part));
    told += Event("response.content_part.added", sequence_)
                .with("item_id", std::string_view(item.id))
                .with("output_index", at)
                .with("content_index", static_cast<std::int64_t>(item.parts.size() - 1))
                .with("part", part_json(is_refusal, "", {}))
                .text();
  }
  Part& part = item.parts.back();
  part.text += text;
  part.logprobs.insert(part.logprobs.end(), logprobs.begin(), logprobs.end());
  Event delta(is_refusal ? "response.refusal.delta" : "response.output_text.delta", sequence_);
  delta.with("item_id", std::string_view(item.id)).with("output_index", at);
  delta.with("content_index", static_cast<std::int64_t>(item.parts.size() - 1));
  delta.with("delta", text);
  if (!is_refusal) {
    delta.out().key("logprobs");
    write_list(delta.out(), logprobs);
  }
  told += delta.text();
  return told;
}

std::string ResponseTranslation::take_call(JsonView call) {
  std::string told;
  const auto function = call.find("function");
  const auto place = call.find("index");
  // Some servers tell no index, and each call whole.
  const auto key = place ? place->as_int64().value_or(0) : static_cast<std::int64_t>(calls_.size());
  const auto found = calls_.find(key);
  std::size_t index = 0;
  if (found == calls_.end()) {
    // A message is whole when the calls begin.
    if (message_) told += end_item(*std::exchange(message_, std::nullopt));
    Item item;
    item.is_call = true;
    item.id = new_item_id("fc_");
    item.call_id = text_of(call, "id");
    if (item.call_id.empty()) item.call_id = new_item_id("call_");
    if (function) item.name = text_of(*function, "name");
    items_.push_back(std::move(item));
    index = items_.size() - 1;
    calls_.emplace(key, index);
    told += Event("response.output_item.added", sequence_)
                .with("output_index", static_cast<std::int64_t>(index))
                .with("item", item_json(items_[index], "in_progress"))
                .text();
  } else {
    index = found->second;
  }
  const auto arguments = function ? text_of(*function, "arguments") : std::string_view();
  if (arguments.empty()) return told;
  Item& item = items_[index];
  item.arguments += arguments;
  told += Event("response.function_call_arguments.delta", sequence_)
              .with("item_id", std::string_view(item.id))
              .with("output_index", static_cast<std::int64_t>(index))
              .with("delta", arguments)
              .text();
  return told;
}

std::string ResponseTranslation::end_item(std::size_t index) {
  Item& item = items_[index];
  if (std::exchange(item.done, true)) return {};
  const auto at = static_cast<std::int64_t>(index);
  std::string told;
  if (item.is_call) {
    told += Event("response.function_call_arguments.done", sequence_)
                .with("item_id", std::string_view(item.id))
                .with("output_index", at)
                .with("name", std::string_view(item.name))
                .with("arguments", std::string_view(item.arguments))
                .text();
  }
  for (std::size_t i = 0; i < item.parts.size(); ++i) {
    const Part& part = item.parts[i];
    Event done(part.is_refusal ? "response.refusal.done" : "response.output_text.done", sequence_);
    done.with("item_id", std::string_view(item.id)).with("output_index", at);
    done.with("content_index", static_cast<std::int64_t>(i));
    done.with(part.is_refusal ? "refusal" : "text", std::string_view(part.text));
    if (!part.is_refusal) {
      done.out().key("logprobs");
      write_list(done.out(), part.logprobs);
    }
    told += done.text();
    told += Event("response.content_part.done", sequence_)
                .with("item_id", std::string_view(item.id))
                .with("output_index", at)
                .with("content_index", static_cast<std::int64_t>(i))
                .with("part", part_json(part.is_refusal, part.text, part.logprobs))
                .text();
  }
  const bool is_cut = end_status() == "incomplete" && index + 1 == items_.size();
  told += Event("response.output_item.done", sequence_)
              .with("output_index", at)
              .with("item", item_json(item, is_cut ? "incomplete" : "completed"))
              .text();
  return told;
}

std::string ResponseTranslation::end() {
  std::string told = begin();
  if (items_.empty()) told += take_text(false, "", {});
  for (std::size_t i = 0; i < items_.size(); ++i) told += end_item(i);
  const std::string status(end_status());
  told += Event("response." + status, sequence_).with("response", response(status)).text();
  ended_ = true;
  return told;
}

std::string ResponseTranslation::fail(JsonView error) {
  Event event("error", sequence_);
  for (const char* name : {"code", "message", "param"}) {
    const auto member = error.find(name);
    if (member && member->as_string()) {
      event.with(name, *member->as_string());
    } else {
      event.out().key(name).null();
    }
  }
  ended_ = true;
  return event.text();
}

}  // namespace rwp::pods
