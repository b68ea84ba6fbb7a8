#include "model.hpp"

#include "convert.hpp"
#include "errors.hpp"
#include "process.hpp"
#include "waiting.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/builtin_schemes.hpp>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::python {
namespace {

using std::chrono::milliseconds;

constexpr const char* kAnswerName = "answer";

/// rwp.ai.Model: a language model by URL, on a runtime of its own.
class Model final : public Closable {
 public:
  Model(const std::string& url, std::string key, std::string model) {
    RuntimeOptions runtime;
    runtime.name = "rwp-python-ai";
    opened_ = make_threaded<OpenModel>(std::move(runtime));
    BuiltinOptions options;
    options.ai_key = Secret(std::move(key));
    options.ai_model = std::move(model);
    auto opened = [&] {
      const GilReleased released;
      return builtin_schemes(std::move(options)).open<ai::Model>(url, opened_->runtime);
    }();
    opened_->part = value_or_raise(std::move(opened));
  }

  void close() noexcept { opened_.reset(); }
  void close_at_exit() noexcept override { close(); }

  std::shared_ptr<OpenModel> opened() const {
    process_.check("this rwp.ai.Model");
    if (!opened_) raise(Error(Errc::conflict, "this rwp.ai.Model is closed"));
    return opened_;
  }

 private:
  const Process process_;
  std::shared_ptr<OpenModel> opened_;
};

ai::Role to_role(const std::string& name) {
  if (name == "system") return ai::Role::system;
  if (name == "user") return ai::Role::user;
  if (name == "assistant") return ai::Role::assistant;
  raise_invalid("messages", "a role must be system, user or assistant");
}

std::vector<ai::Message> to_messages(py::handle messages) {
  if (PyUnicode_Check(messages.ptr())) {
    return {{.role = ai::Role::user, .content = to_text("messages", messages)}};
  }
  std::vector<ai::Message> all;
  for (const py::handle message : py::iter(messages)) {
    if (!PyDict_Check(message.ptr())) {
      raise_invalid("messages", "must be a str, or dicts with role and content");
    }
    const auto fields = py::reinterpret_borrow<py::dict>(message);
    if (fields.size() != 2 || !fields.contains("role") || !fields.contains("content")) {
      raise_invalid("messages", "each needs role and content, and nothing else");
    }
    all.push_back({.role = to_role(to_text("messages: role", fields["role"])),
                   .content = to_text("messages: content", fields["content"])});
  }
  return all;
}

std::string text_or_empty(std::string_view field, py::handle text) {
  return text.is_none() ? std::string() : to_text(field, text);
}

std::int64_t count_or_zero(std::string_view field, py::handle number) {
  if (number.is_none()) return 0;
  int overflow = 0;
  if (!PyLong_Check(number.ptr()) || PyBool_Check(number.ptr()))
    raise_invalid(field, "must be an int");
  const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow != 0) raise_invalid(field, "is out of range");
  return value;
}

SteadyTime deadline_after(py::handle timeout) {
  if (timeout.is_none()) return SteadyTime::max();
  return std::chrono::steady_clock::now() + to_milliseconds("timeout", timeout);
}

const char* finish_name(ai::FinishReason reason) {
  switch (reason) {
    case ai::FinishReason::stop:
      return "stop";
    case ai::FinishReason::length:
      return "length";
    case ai::FinishReason::refusal:
      return "refusal";
    case ai::FinishReason::content_filter:
      return "content_filter";
    case ai::FinishReason::tool_calls:
      break;
  }
  return "tool_calls";
}

ai::ChatReply chat(const Model& self, py::handle messages, py::handle model, py::handle schema,
                   py::handle temperature, py::handle max_output_tokens, py::handle timeout,
                   py::handle tenant, py::handle kind) {
  ai::ChatRequest request;
  request.messages = to_messages(messages);
  request.model = text_or_empty("model", model);
  if (!schema.is_none()) {
    request.output_schema =
        ai::OutputSchema{.name = kAnswerName, .schema = to_json_text("schema", schema)};
  }
  if (!temperature.is_none()) {
    if (!PyFloat_Check(temperature.ptr()) && !PyLong_Check(temperature.ptr())) {
      raise_invalid("temperature", "must be a number");
    }
    request.temperature = py::cast<double>(temperature);
  }
  request.max_output_tokens = count_or_zero("max_output_tokens", max_output_tokens);
  request.deadline = deadline_after(timeout);
  request.tenant = text_or_empty("tenant", tenant);
  request.kind = text_or_empty("kind", kind);
  const auto opened = self.opened();
  return value_or_raise(wait_released(opened->runtime, opened->part->chat(std::move(request))));
}

ai::EmbedReply embed(const Model& self, py::handle inputs, py::handle model, py::handle dimensions,
                     py::handle timeout, py::handle tenant, py::handle kind) {
  ai::EmbedRequest request;
  if (PyUnicode_Check(inputs.ptr())) raise_invalid("inputs", "must be several str, not one");
  for (const py::handle text : py::iter(inputs)) {
    request.inputs.push_back(to_text("inputs", text));
  }
  request.model = text_or_empty("model", model);
  request.dimensions = count_or_zero("dimensions", dimensions);
  request.deadline = deadline_after(timeout);
  request.tenant = text_or_empty("tenant", tenant);
  request.kind = text_or_empty("kind", kind);
  const auto opened = self.opened();
  return value_or_raise(wait_released(opened->runtime, opened->part->embed(std::move(request))));
}

void bind_replies(py::module_& module) {
  py::class_<ai::TokenUsage>(module, "TokenUsage", "Tokens that a call took.")
      .def_readonly("input_tokens", &ai::TokenUsage::input_tokens)
      .def_readonly("output_tokens", &ai::TokenUsage::output_tokens)
      .def_readonly("cached_input_tokens", &ai::TokenUsage::cached_input_tokens)
      .def_readonly("reasoning_tokens", &ai::TokenUsage::reasoning_tokens);

  py::class_<ai::ChatReply>(module, "ChatReply", "What a model answered.")
      .def_property_readonly("content",
                             [](const ai::ChatReply& self) { return to_str(self.content); })
      .def_property_readonly(
          "model", [](const ai::ChatReply& self) { return to_str(self.model); },
          "As it names itself; 'rwp-local' for the offline one.")
      .def_property_readonly(
          "finish_reason",
          [](const ai::ChatReply& self) { return finish_name(self.finish_reason); },
          "stop, length, refusal, content_filter or tool_calls.")
      .def_readonly("usage", &ai::ChatReply::usage)
      .def_property_readonly("id", [](const ai::ChatReply& self) { return to_str(self.id); })
      .def(
          "json",
          [](const ai::ChatReply& self) {
            auto text = JsonText::parse(self.content);
            if (!text)
              raise(Error(Errc::corrupt, "the answer is not JSON: " + text.error().message()));
            return from_json_text(*text);
          },
          "The content read as JSON; rwp.Corrupt when it is none.")
      .def("__repr__", [](const ai::ChatReply& self) {
        return to_str("<rwp.ai.ChatReply of " + self.model + ", " +
                      finish_name(self.finish_reason) + ">");
      });

  py::class_<ai::EmbedReply>(module, "EmbedReply", "Texts as vectors.")
      .def_property_readonly(
          "vectors",
          [](const ai::EmbedReply& self) {
            py::list vectors;
            for (const std::vector<float>& vector : self.vectors) {
              py::list numbers(vector.size());
              for (std::size_t i = 0; i < vector.size(); ++i) {
                numbers[i] = py::float_(static_cast<double>(vector[i]));
              }
              vectors.append(std::move(numbers));
            }
            return vectors;
          },
          "One an input, in their order; of length 1.")
      .def_property_readonly("model", [](const ai::EmbedReply& self) { return to_str(self.model); })
      .def_readonly("usage", &ai::EmbedReply::usage);
}

}  // namespace

void bind_model(py::module_& module, std::shared_ptr<OpenThings> open_things) {
  bind_replies(module);
  const py::none none;
  py::class_<Model, std::shared_ptr<Model>>(
      module, "Model",
      "A language model by URL: 'local:' (offline), 'openai:', 'openai:MODEL',\n"
      "'http://HOST:PORT/v1'. Safe to share between threads. Every call gives the GIL away while "
      "it\n"
      "waits, and Ctrl-C ends it.")
      .def(py::init([open_things](py::handle url, py::handle key, py::handle model) {
             auto opened = std::make_shared<Model>(to_text("url", url), text_or_empty("key", key),
                                                   text_or_empty("model", model));
             open_things->add(opened);
             return opened;
           }),
           py::arg("url") = "local:", py::kw_only(), py::arg("key") = none, py::arg("model") = none,
           "`key` is sent to `url` alone, and never shown. `model`: asked for where neither call "
           "nor URL names one.")
      .def("close", &Model::close, "Ends its threads; done by `with`, and when it is collected.")
      .def("__enter__", [](const std::shared_ptr<Model>& self) { return self; })
      .def("__exit__", [](Model& self, const py::args&) { self.close(); })
      .def_property_readonly(
          "default_model",
          [](const Model& self) { return to_str(self.opened()->part->default_model()); },
          "The model used when a call names none.")
      .def("chat", &chat, py::arg("messages"), py::kw_only(), py::arg("model") = none,
           py::arg("schema") = none, py::arg("temperature") = none,
           py::arg("max_output_tokens") = none, py::arg("timeout") = none, py::arg("tenant") = none,
           py::arg("kind") = none,
           "`messages`: a str, or dicts with role (system, user, assistant) and content. `schema`: "
           "a JSON Schema that the content is meant to match. `timeout`: a timedelta or seconds. "
           "`tenant`, `kind`: for accounting.")
      .def("embed", &embed, py::arg("inputs"), py::kw_only(), py::arg("model") = none,
           py::arg("dimensions") = none, py::arg("timeout") = none, py::arg("tenant") = none,
           py::arg("kind") = none, "Texts (1 to 2,048) to vectors.");
}

}  // namespace rwp::python
