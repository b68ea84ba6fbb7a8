#include "net/redis/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rwp::net_redis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

ClientOptions parsed(std::string_view url) { return parse_client_url(url).value(); }

TEST(RedisUrlTest, AServerIsNamedByHostPortAndDatabase) {
  EXPECT_EQ(parsed("redis://localhost").endpoint.to_string(), "localhost:6379");
  EXPECT_EQ(parsed("redis://10.0.0.1:7000/3").endpoint.to_string(), "10.0.0.1:7000");
  EXPECT_EQ(parsed("redis://10.0.0.1:7000/3").database, 3U);
  EXPECT_EQ(parsed("redis://[::1]:7000").endpoint.host, "::1");
  EXPECT_EQ(parsed("redis://[::1]:7000").endpoint.to_string(), "[::1]:7000");
  EXPECT_EQ(parsed("redis://host/?db=5").database, 5U);
  EXPECT_FALSE(parsed("redis://host").tls.enabled);
}

TEST(RedisUrlTest, CredentialsMayHoldAnything) {
  const auto plain = parsed("redis://worker:p%40ss%2Fw:rd@host");
  EXPECT_EQ(plain.credentials.user, "worker");
  EXPECT_EQ(plain.credentials.password.expose(), "p@ss/w:rd");
  EXPECT_EQ(parsed("redis://:only@host").credentials.user, "");
  EXPECT_EQ(parsed("redis://:only@host").credentials.password.expose(), "only");
  EXPECT_EQ(parsed("redis://:a@b/c@host:1").credentials.password.expose(), "a@b/c");
  EXPECT_EQ(parsed("redis://host?user=u&password=p").credentials.password.expose(), "p");
}

TEST(RedisUrlTest, TlsAndItsFiles) {
  const auto options =
      parsed("rediss://host:6380?ca_file=/ca.pem&certificate_file=/c.pem&key_file=/k.pem");
  EXPECT_TRUE(options.tls.enabled);
  EXPECT_EQ(options.tls.ca_file, "/ca.pem");
  EXPECT_EQ(options.tls.key_file, "/k.pem");
}

TEST(RedisUrlTest, AUnixSocketIsAPath) {
  EXPECT_EQ(parsed("redis+unix:///run/my%20redis.sock?db=2").endpoint.path, "/run/my redis.sock");
  EXPECT_EQ(parsed("redis+unix://:secret@/run/redis.sock").credentials.password.expose(), "secret");
}

TEST(RedisUrlTest, SentinelsNameTheMaster) {
  const auto options = parsed(
      "rediss-sentinel://w:pw@one:1,two,[::1]:3/main/4?sentinel_password=sp&command_timeout=250ms");
  ASSERT_EQ(options.sentinels.size(), 3U);
  EXPECT_EQ(options.sentinels[0].to_string(), "one:1");
  EXPECT_EQ(options.sentinels[1].to_string(), "two:26379");
  EXPECT_EQ(options.sentinels[2].to_string(), "[::1]:3");
  EXPECT_EQ(options.master_name, "main");
  EXPECT_EQ(options.database, 4U);
  EXPECT_EQ(options.credentials.user, "w");
  EXPECT_EQ(options.sentinel_credentials.password.expose(), "sp");
  EXPECT_EQ(options.command_timeout, 250ms);
  EXPECT_TRUE(options.tls.enabled);
}

TEST(RedisUrlTest, WhatIsWrongIsNamedWithoutTheSecret) {
  for (const char* url : {"redis:host",
                          "redis://",
                          "redis://:hunter2@",
                          "redis://:hunter2@host:0",
                          "redis://:hunter2@host:70000",
                          "redis://:hunter2@host:6379x",
                          "redis://:hunter2@host/x",
                          "redis://:hunter2@host/-1",
                          "redis://:hunter2@[::1",
                          "redis://user@host",
                          "redis://:hunter2@host?colour=red",
                          "redis://:hunter2@host?client_name=a%20b",
                          "redis://:hunter2@host?command_timeout=0s",
                          "redis://:hunter2@host?certificate_file=/c",
                          "redis-sentinel://:hunter2@host",
                          "redis-sentinel://:hunter2@host,/main",
                          "redis-sentinel://:hunter2@host/main/x",
                          "redis+unix://relative",
                          "http://:hunter2@host",
                          "redis://ho%0Ast"}) {
    const auto options = parse_client_url(std::string_view(url));
    ASSERT_FALSE(options.has_value()) << url;
    EXPECT_EQ(options.error().code(), Errc::invalid_argument) << url;
    EXPECT_THAT(options.error().to_string(), Not(HasSubstr("hunter2"))) << url;
  }
}

}  // namespace
}  // namespace rwp::net_redis
