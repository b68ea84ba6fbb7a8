#include "ai_openai/server_error.hpp"
#include <rwp/ai/answer_fault.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::ai_openai {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Speaker kSpeaker{.host = "api.openai.com", .key = Secret("sk-very-secret")};

Error answered(int status, const std::string& body,
               const net::HttpHeaders& headers = net::HttpHeaders()) {
  return to_error(kSpeaker, status, headers, read_server_error(body));
}

struct Case {
  int status;
  const char* body;
  Errc code;
  bool retryable;
};

TEST(ServerErrorTest, TrafficThatGrewTooFastIsToldFromALimit) {
  const char* slow_down = R"({"error":{"message":"slow","type":"rate_limit_error",
      "param":null,"code":"slow_down"}})";
  EXPECT_EQ(ai::fault_of(answered(429, slow_down)), ai::AnswerFault::too_fast);
  EXPECT_EQ(ai::fault_of(answered(503, slow_down)), ai::AnswerFault::too_fast);
  EXPECT_EQ(ai::fault_of(answered(429, "")), ai::AnswerFault::none);
}

TEST(ServerErrorTest, StatusAndCodeSayWhatCanBeDone) {
  const char* limit = R"({"error":{"message":"Rate limit reached","type":"requests",
      "param":null,"code":"rate_limit_exceeded"}})";
  const char* quota = R"({"error":{"message":"You exceeded your current quota","type":
      "insufficient_quota","param":null,"code":"insufficient_quota"}})";
  const char* credit = R"({"error":{"message":"No credit","type":"insufficient_quota",
      "param":null,"code":"credit_balance_exhausted"}})";
  const char* overloaded = R"({"error":{"message":"busy","type":"service_unavailable_error",
      "param":null,"code":"slow_down"}})";
  const char* plain = R"({"error":{"message":"no","type":"invalid_request_error"}})";
  const std::vector<Case> cases = {
      {400, plain, Errc::invalid_argument, false},
      {401, plain, Errc::unauthenticated, false},
      {402, "", Errc::budget_exceeded, false},
      {403, plain, Errc::permission_denied, false},
      {404, plain, Errc::not_found, false},
      {408, "", Errc::deadline_exceeded, true},
      {409, "", Errc::conflict, true},
      {413, "<html>", Errc::invalid_argument, false},
      {422, R"({"detail":[{"loc":["body"],"msg":"missing"}]})", Errc::invalid_argument, false},
      {429, limit, Errc::rate_limited, true},
      {429, "", Errc::rate_limited, true},
      {429, quota, Errc::budget_exceeded, false},
      {429, credit, Errc::budget_exceeded, false},
      {500, "", Errc::unavailable, true},
      {503, overloaded, Errc::unavailable, true},
      {504, "<html>Gateway</html>", Errc::unavailable, true},
      {301, "", Errc::unsupported, false},
  };
  for (const auto& one : cases) {
    const auto error = answered(one.status, one.body);
    EXPECT_EQ(error.code(), one.code) << one.status << " " << one.body;
    EXPECT_EQ(error.retryable(), one.retryable) << one.status << " " << one.body;
  }
}

TEST(ServerErrorTest, MessageHasCodeParameterAndRequestId) {
  const auto error = answered(400,
                              R"({"error":{"message":"Unsupported value","type":
      "invalid_request_error","param":"temperature","code":"unsupported_value"}})",
                              {{"X-Request-Id", "req_42"}});

  EXPECT_EQ(error.message(),
            "api.openai.com answered 400 unsupported_value: Unsupported value (param temperature, "
            "request req_42)");
}

TEST(ServerErrorTest, KeyThatTheServerRepeatsIsMasked) {
  const auto error = answered(
      401, R"({"error":{"message":"Incorrect API key sk-very-secret, sk-very-secret","code":
      "sk-very-secret"}})");

  EXPECT_THAT(error.to_string(), Not(HasSubstr("very-secret")));
  EXPECT_THAT(error.message(), HasSubstr("Incorrect API key ********"));
}

TEST(ServerErrorTest, LongWordsAndLineBreaksAreTamed) {
  const auto error =
      answered(400, R"({"error":{"message":"a\nb)" + std::string(5'000, 'x') + R"("}})");

  EXPECT_THAT(error.message(), HasSubstr("a b"));
  EXPECT_LT(error.message().size(), 700U);
}

TEST(ServerErrorTest, FormsOfOtherServersAreUnderstood) {
  EXPECT_EQ(read_server_error(R"({"error":"model is loading"})").message, "model is loading");
  const auto numeric = read_server_error(R"({"error":{"code":503,"message":"Loading model"}})");
  EXPECT_EQ(numeric.code, "503");
  EXPECT_EQ(read_server_error(R"({"object":"error","message":"too long","code":400})").message,
            "too long");
  EXPECT_EQ(read_server_error(R"({"detail":"Not Found"})").message, "Not Found");
  EXPECT_EQ(read_server_error("<html>").message, "");
  EXPECT_EQ(read_server_error(std::string(200, '[')).message, "");
}

TEST(ServerErrorTest, ServerMaySayWhetherToRetry) {
  EXPECT_FALSE(answered(503, "", {{"x-should-retry", "false"}}).retryable());
  EXPECT_TRUE(answered(400, "", {{"x-should-retry", "true"}}).retryable());
  EXPECT_FALSE(answered(429, R"({"error":{"message":"m","type":"insufficient_quota"}})",
                        {{"x-should-retry", "true"}})
                   .retryable());
}

TEST(ServerErrorTest, ErrorWithinAStreamIsJudgedByItsType) {
  const auto within = [](const std::string& body) {
    return to_error(kSpeaker, {{"x-request-id", "req_1"}}, read_server_error(body));
  };
  EXPECT_EQ(within(R"({"error":{"message":"m","type":"server_error"}})").code(), Errc::unavailable);
  EXPECT_EQ(within(R"({"error":{"message":"m","type":"rate_limit_error"}})").code(),
            Errc::rate_limited);
  EXPECT_EQ(within(R"({"error":{"message":"m","code":429}})").code(), Errc::rate_limited);
  EXPECT_EQ(within(R"({"error":{"message":"m","type":"invalid_request_error"}})").code(),
            Errc::invalid_argument);
  EXPECT_THAT(within(R"({"error":{"message":"m"}})").message(), HasSubstr("req_1"));
}

}  // namespace
}  // namespace rwp::ai_openai
