#include "pods/openai_body.hpp"
#include "pods/openai_request.hpp"

#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostInputs = 2'048;
constexpr std::size_t kMostInputBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostModelBytes = 256;
constexpr std::size_t kMostHintBytes = 512;
constexpr std::int64_t kMostDimensions = 16'384;

void read_input(RequestFields& fields, RequestFault& fault, std::vector<std::string>& inputs) {
  const auto input = fields.any("input");
  if (!input) return fields.missing("input");
  const auto take = [&](JsonView item, const std::string& name) {
    const auto text = item.as_string();
    if (!text) {
      const bool tokens = item.kind() == JsonKind::integer || item.kind() == JsonKind::array;
      if (!tokens) return fields.wrong_type(name, "a string", item);
      return fault.refuse(name,
                          "Unsupported value for 'input': arrays of tokens are not supported "
                          "with this model; send strings.",
                          "unsupported_value");
    }
    if (text->empty()) return fields.invalid(name, "it is empty");
    if (text->size() > kMostInputBytes) {
      return fields.invalid(name, "longer than 1048576 bytes");
    }
    inputs.emplace_back(*text);
  };
  if (input->kind() != JsonKind::array) {
    if (!input->as_string()) return fields.wrong_type("input", "a string or an array", *input);
    return take(*input, "input");
  }
  if (input->size() == 0 || input->size() > kMostInputs) {
    return fields.invalid("input", "expected 1 to 2048 texts");
  }
  for (std::size_t i = 0; i < input->size() && !fault; ++i) {
    take(input->at(i), "input[" + std::to_string(i) + "]");
  }
}

}  // namespace

std::variant<EmbedCall, OpenAiError> read_embed_request(std::string body) {
  RequestFault fault;
  EmbedCall call;
  if (const auto document = read_openai_body(std::move(body), fault)) {
    RequestFields fields(document->root(), "", fault);
    if (const auto model = fields.text("model", kMostModelBytes)) {
      call.request.model = *model;
      if (model->empty()) fields.invalid("model", "it is empty");
    } else {
      fields.missing("model");
    }
    read_input(fields, fault, call.request.inputs);
    call.request.dimensions = fields.integer("dimensions", 1, kMostDimensions).value_or(0);
    call.base64 = fields.choice("encoding_format", {"float", "base64"}) == "base64";
    // Changes no answer.
    fields.text("user", kMostHintBytes);
    fields.close();
  }
  if (fault) return *fault.error();
  return call;
}

}  // namespace rwp::pods
