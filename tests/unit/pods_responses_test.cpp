#include "pods/multipart_form.hpp"
#include "pods/responses_reply.hpp"
#include "pods/responses_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace rwp::pods {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string chat_of(const std::string& body) {
  auto translated = translate_response_request(body);
  const auto* refused = std::get_if<OpenAiError>(&translated);
  if (refused != nullptr) return "400 " + refused->param;
  return std::get<TranslatedResponse>(translated).body;
}

/// The types of the events, in their order.
std::vector<std::string> types_of(const std::string& events) {
  std::vector<std::string> types;
  constexpr std::string_view kName = "event: ";
  for (auto at = events.find(kName); at != std::string::npos; at = events.find(kName, at + 1)) {
    const auto begin = at + kName.size();
    types.push_back(events.substr(begin, events.find('\n', begin) - begin));
  }
  return types;
}

std::string chunk(const std::string& delta, const std::string& reason = "null") {
  return R"(data: {"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":)" + delta +
         R"(,"finish_reason":)" + reason + "}]}\n\n";
}

TEST(ResponseRequestTest, InputBecomesMessages) {
  const auto chat = chat_of(R"({"model":"m","instructions":"Be brief.","max_output_tokens":9,
      "input":[{"role":"user","content":[{"type":"input_text","text":"hi"},
                {"type":"input_image","image_url":"https://a/b.png","detail":"low"}]},
               {"type":"reasoning","id":"r","summary":[]},
               {"type":"function_call","call_id":"1","name":"f","arguments":"{}"},
               {"type":"function_call","call_id":"2","name":"g","arguments":"{}"},
               {"type":"function_call_output","call_id":"1","output":"one"}],
      "reasoning":{"effort":"low"},"text":{"format":{"type":"json_object"}}})");
  EXPECT_THAT(chat, HasSubstr(R"({"role":"system","content":"Be brief."})"));
  EXPECT_THAT(chat, HasSubstr(R"({"type":"text","text":"hi"})"));
  EXPECT_THAT(chat, HasSubstr(R"("image_url":{"url":"https://a/b.png","detail":"low"})"));
  // Calls in a row are one message's.
  EXPECT_THAT(chat, HasSubstr(R"("tool_calls":[{"id":"1")"));
  EXPECT_THAT(chat, HasSubstr(R"(},{"id":"2")"));
  EXPECT_THAT(chat, HasSubstr(R"({"role":"tool","tool_call_id":"1","content":"one"})"));
  EXPECT_THAT(chat, HasSubstr(R"("max_completion_tokens":9)"));
  EXPECT_THAT(chat, HasSubstr(R"("reasoning_effort":"low")"));
  EXPECT_THAT(chat, HasSubstr(R"("response_format":{"type":"json_object"})"));
  EXPECT_THAT(chat, Not(HasSubstr("summary")));
}

TEST(ResponseRequestTest, HalfWrittenItemsAreRefusedAndNeverSent) {
  for (const char* item :
       {R"({"role":"user"})", R"({"role":"user","content":[{"type":"input_text"}]})",
        R"({"type":"function_call","call_id":"1"})", R"({"type":"function_call_output"})",
        R"({"role":"pope","content":"x"})", R"({"role":"user","content":7})", "7", "[]"}) {
    const auto body = std::string(R"({"model":"m","input":[)") + item + "]}";
    EXPECT_THAT(chat_of(body), HasSubstr("400 input[0]")) << item;
  }
  EXPECT_EQ(chat_of(R"({"input":"x"})"), "400 model");
  EXPECT_EQ(chat_of("{"), "400 ");
}

TEST(ResponseTranslationTest, StreamOfTextHasAllEventsInOrder) {
  ResponseTranslation translation({});
  std::string events;
  for (const auto& piece :
       {chunk(R"({"role":"assistant","content":""})"), std::string(": ping\n\n"),
        chunk(R"({"content":"Hel"})"), chunk(R"({"content":"lo"})"), chunk("{}", "\"stop\""),
        std::string(R"(data: {"id":"c1","choices":[],"usage":{"prompt_tokens":3,)"
                    R"("completion_tokens":2}})"
                    "\n\n"),
        std::string("data: [DONE]\n\n")}) {
    // However it is cut.
    for (const char byte : piece) {
      const auto told = translation.feed(std::string_view(&byte, 1));
      ASSERT_TRUE(told.has_value()) << told.error().to_string();
      if (*told != ": ping\n\n") events += *told;
    }
  }
  EXPECT_THAT(
      types_of(events),
      ElementsAre("response.created", "response.in_progress", "response.output_item.added",
                  "response.content_part.added", "response.output_text.delta",
                  "response.output_text.delta", "response.output_text.done",
                  "response.content_part.done", "response.output_item.done", "response.completed"));
  EXPECT_THAT(events, HasSubstr(R"("sequence_number":9)"));
  EXPECT_THAT(events, HasSubstr(R"("total_tokens":5)"));
  EXPECT_TRUE(translation.has_ended());
}

TEST(ResponseTranslationTest, CallsThatInterleaveKeepTheirArguments) {
  ResponseTranslation translation({});
  std::string events;
  for (const char* delta :
       {R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]})",
        R"({"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]})",
        R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]})",
        R"({"tool_calls":[{"index":1,"function":{"arguments":"}"}}]})"}) {
    events += translation.feed(chunk(delta)).value();
  }
  events += translation.feed(chunk("{}", "\"tool_calls\"") + "data: [DONE]\n\n").value();
  EXPECT_THAT(events, HasSubstr(R"("name":"f","arguments":"{\"x\":1}")"));
  EXPECT_THAT(events, HasSubstr(R"("name":"g","arguments":"{}")"));
  EXPECT_EQ(types_of(events).back(), "response.completed");
}

TEST(ResponseTranslationTest, CutsRefusalsAndFailuresAreNoCompletedText) {
  ResponseTranslation cut({});
  const auto events = cut.feed(chunk(R"({"content":"Hel"})", "\"length\"") + "data: [DONE]\n\n");
  EXPECT_EQ(types_of(*events).back(), "response.incomplete");
  EXPECT_THAT(*events, HasSubstr(R"({"reason":"max_output_tokens"})"));

  ResponseTranslation refused({});
  const auto whole = refused.whole(R"({"id":"c","model":"m","choices":[{"index":0,
      "finish_reason":"stop","message":{"role":"assistant","content":null,"refusal":"No."}}]})");
  EXPECT_THAT(whole->str(), HasSubstr(R"({"type":"refusal","refusal":"No."})"));

  ResponseTranslation broken({});
  const auto failed =
      broken.feed(chunk(R"({"content":"Hel"})") + R"(data: {"error":{"message":"down","code":"x"}})"
                                                  "\n\n");
  EXPECT_EQ(types_of(*failed).back(), "error");
  EXPECT_TRUE(broken.has_ended());

  ResponseTranslation nonsense({});
  EXPECT_FALSE(nonsense.feed("data: {\n\n").has_value());
  EXPECT_FALSE(ResponseTranslation({}).whole("<html>").has_value());
  EXPECT_FALSE(ResponseTranslation({}).whole(R"({"choices":[]})").has_value());
}

TEST(ResponseTranslationTest, WhatIsNoChatIsRefused) {
  for (const char* body :
       {"[]", "{}", R"({"choices":[]})", R"({"choices":{"a":1}})", R"({"choices":[7]})"}) {
    ResponseTranslation translation({});
    const auto whole = translation.whole(body);
    ASSERT_FALSE(whole.has_value()) << body;
    EXPECT_EQ(whole.error().code(), Errc::corrupt) << body;
  }
  ResponseTranslation streamed({});
  EXPECT_TRUE(streamed.feed("data: {\"choices\":{\"a\":1}}\n\n").has_value());
}

TEST(MultipartFormTest, PartsAreReadAsTheyAre) {
  const std::string body =
      "preamble\r\n--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
      "--x \r\ncontent-disposition: form-data; filename=\"a\\\"b;c.jsonl\"; name=file\r\n"
      "Content-Type: text/plain\r\n\r\nline\r\n--xy\r\n\r\n--x--\r\nepilogue";
  const auto parts = read_multipart_form("Multipart/Form-Data; charset=x; boundary=\"x\"", body);
  ASSERT_TRUE(parts.has_value()) << parts.error().to_string();
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].content, "batch");
  EXPECT_EQ((*parts)[1].name, "file");
  EXPECT_EQ((*parts)[1].filename, "a\"b;c.jsonl");
  EXPECT_EQ((*parts)[1].content, "line\r\n--xy\r\n");
}

TEST(MultipartFormTest, WhatIsNoFormIsRefused) {
  const std::string good = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--";
  const char* type = "multipart/form-data; boundary=x";
  ASSERT_TRUE(read_multipart_form(type, good).has_value());
  for (const char* wrong : {"", "application/json", "multipart/form-data",
                            "multipart/form-data; boundary=", "multipart/mixed; boundary=x"}) {
    EXPECT_FALSE(read_multipart_form(wrong, good).has_value()) << wrong;
  }
  for (std::size_t size = 0; size + 2 < good.size(); ++size) {
    EXPECT_FALSE(read_multipart_form(type, good.substr(0, size)).has_value()) << size;
  }
  std::string many;
  for (int i = 0; i < 40; ++i) {
    many += "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
  }
  EXPECT_FALSE(read_multipart_form(type, many + "--x--").has_value());
  EXPECT_FALSE(read_multipart_form(type, "--x\r\nA: " + std::string(9'000, 'b')).has_value());
}

}  // namespace
}  // namespace rwp::pods
