#include "support/temporary_directory.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/builtin_schemes.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/pods/pod.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace rwp::pods {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Variables = std::map<std::string, std::string, std::less<>>;

Environment environment_of(Variables variables) {
  return [variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

ParsedConfiguration parse(const std::vector<std::string>& arguments,
                          const Variables& variables = Variables(), Role role = Role::standalone) {
  return parse_configuration(arguments, environment_of(variables), builtin_schemes(), role);
}

TEST(ConfigurationTest, DefaultsLieInTheDataDirectory) {
  const auto parsed = parse({"--data-dir", "there"});

  EXPECT_THAT(parsed.problems, IsEmpty());
  EXPECT_EQ(parsed.configuration.jobs_url, "sqlite:there/jobs.db");
  EXPECT_EQ(parsed.configuration.objects_url, "file:there/objects");
  EXPECT_EQ(parsed.configuration.ai_url, "local:");
  EXPECT_EQ(parsed.configuration.analytics_url, "jsonl:there/events.jsonl");
}

TEST(ConfigurationTest, DataDirectoryWithAPercentSignIsNoEscape) {
  EXPECT_EQ(parse({"--data-dir", "50%?"}).configuration.jobs_url, "sqlite:50%25%3F/jobs.db");
}

TEST(ConfigurationTest, FlagStandsAboveEnvironmentAboveFileAboveDefault) {
  tests::TemporaryDirectory directory;
  const std::string file = directory.path().string() + "/url";
  std::ofstream(file) << "sqlite:of_file.db\r\n";
  const Variables only_file{{"RWP_JOBS_URL_FILE", file}};
  const Variables both{{"RWP_JOBS_URL_FILE", file}, {"RWP_JOBS_URL", "sqlite:of_environment.db"}};

  EXPECT_EQ(parse({}, only_file).configuration.jobs_url, "sqlite:of_file.db");
  EXPECT_EQ(parse({}, both).configuration.jobs_url, "sqlite:of_environment.db");
  EXPECT_EQ(parse({"--jobs-url", "memory:"}, both).configuration.jobs_url, "memory:");
}

TEST(ConfigurationTest, AllProblemsAreToldAtOnceWithNameValueAndRule) {
  const auto parsed = parse({"--concurrency", "0", "--log-level=loud", "--colour"},
                            {{"RWP_DRAIN_GRACE", "soon"}, {"RWP_AI_URL", "oracle:"}});

  EXPECT_THAT(parsed.problems, SizeIs(5));
  EXPECT_THAT(parsed.problems,
              ::testing::Contains(
                  AllOf(HasSubstr("--concurrency"), HasSubstr("'0'"), HasSubstr("1 to 1000"))));
  EXPECT_THAT(parsed.problems, ::testing::Contains(HasSubstr("--colour")));
  EXPECT_THAT(parsed.problems,
              ::testing::Contains(AllOf(HasSubstr("RWP_DRAIN_GRACE"), HasSubstr("'soon'"))));
  EXPECT_THAT(parsed.problems,
              ::testing::Contains(AllOf(HasSubstr("RWP_AI_URL"), HasSubstr("local:"))));
}

TEST(ConfigurationTest, SecretIsNeverShown) {
  const auto parsed = parse({}, {{"OPENAI_API_KEY", "hunter2 with spaces"}});

  ASSERT_THAT(parsed.problems, SizeIs(1));
  EXPECT_THAT(parsed.problems[0], AllOf(HasSubstr("OPENAI_API_KEY"), Not(HasSubstr("hunter2"))));
}

TEST(ConfigurationTest, PasswordInABadUrlIsNotShown) {
  const auto parsed = parse({"--jobs-url", "oracle://me:hunter2@host/db"});

  ASSERT_THAT(parsed.problems, SizeIs(1));
  EXPECT_THAT(parsed.problems[0], AllOf(HasSubstr("oracle"), Not(HasSubstr("hunter2"))));
}

TEST(ConfigurationTest, PrintedConfigurationMasksSecretsAndNamesSources) {
  const auto parsed =
      parse({"--print-config", "--concurrency=3"}, {{"OPENAI_API_KEY", "sk-very-secret"}});

  ASSERT_TRUE(parsed.answer.has_value());
  EXPECT_THAT(*parsed.answer,
              AllOf(HasSubstr("RWP_CONCURRENCY=3  # --concurrency"),
                    HasSubstr("RWP_AI_URL=local:  # default"), Not(HasSubstr("very-secret"))));
}

TEST(ConfigurationTest, SchemeThatNeedsASecretAsksForIt) {
  SchemeRegistry schemes = builtin_schemes();
  schemes.add<ai::Model>("openai", [](const Url&, Runtime&) -> Result<std::shared_ptr<ai::Model>> {
    return Error(Errc::unsupported, "a test opens nothing");
  });

  const auto without = parse_configuration({"--ai-url", "openai:"}, environment_of({}), schemes);
  const auto with = parse_configuration(
      {"--ai-url", "openai:"}, environment_of({{"OPENAI_API_KEY", "sk-12345678"}}), schemes);

  EXPECT_THAT(without.problems,
              ElementsAre(AllOf(HasSubstr("OPENAI_API_KEY"), HasSubstr("OPENAI_API_KEY_FILE"))));
  EXPECT_THAT(with.problems, IsEmpty());
  EXPECT_EQ(with.configuration.openai_api_key.expose(), "sk-12345678");
}

TEST(ConfigurationTest, PodServesOnPort3000AndStandaloneOnlyWhenAsked) {
  EXPECT_EQ(parse({}, {}, Role::worker).configuration.listen, ":3000");
  EXPECT_EQ(parse({}).configuration.listen, "");
  EXPECT_EQ(parse({"--listen", "[::1]:0", "--allow-anonymous"}).configuration.listen, "[::1]:0");
}

TEST(ConfigurationTest, FlagOfAnotherRoleIsRefusedAndItsVariableLeftAlone) {
  const auto parsed = parse({"--input", "ads.jsonl", "--concurrency=3", "--api-keys-file", "keys"},
                            {{"RWP_INPUT", "ads.jsonl"}}, Role::api);

  EXPECT_THAT(parsed.problems,
              ::testing::Contains(AllOf(HasSubstr("--input"), HasSubstr("another program"))));
  EXPECT_THAT(parsed.problems, ::testing::Contains(HasSubstr("--concurrency")));
  EXPECT_EQ(parsed.configuration.input, "");
}

TEST(ConfigurationTest, ListenAddressThatIsNoneIsRefused) {
  for (const char* bad : {"3000", "localhost:3000", "127.0.0.1:", "127.0.0.1:70000", "::1:3000",
                          "[127.0.0.1]:1", "300.0.0.1:80", ":3000x"}) {
    EXPECT_THAT(parse({"--listen", bad}, {}, Role::worker).problems,
                ElementsAre(HasSubstr("127.0.0.1:3000")))
        << bad;
  }
}

TEST(ConfigurationTest, PodThatNobodyCouldUseDoesNotStart) {
  EXPECT_THAT(parse({}, {}, Role::api).problems, ElementsAre(HasSubstr("--new-key")));
  EXPECT_THAT(parse({}, {{"RWP_API_KEYS_FILE", "keys"}}, Role::api).problems, IsEmpty());
  EXPECT_THAT(parse({"--listen", "127.0.0.1:0"}).problems, ElementsAre(HasSubstr("--new-key")));
}

TEST(ConfigurationTest, AnonymousUseIsForThisMachineAlone) {
  EXPECT_THAT(parse({"--allow-anonymous"}, {}, Role::ai).problems,
              ElementsAre(AllOf(HasSubstr("loopback"), HasSubstr("127.0.0.1:3000"))));
  EXPECT_THAT(parse({"--allow-anonymous", "--listen", "0.0.0.0:3000"}, {}, Role::api).problems,
              SizeIs(1));
  EXPECT_THAT(
      parse({"--listen", "127.0.0.1:3000"}, {{"RWP_ALLOW_ANONYMOUS", "true"}}, Role::api).problems,
      IsEmpty());
  EXPECT_THAT(parse({}, {{"RWP_ALLOW_ANONYMOUS", "yes"}}, Role::api).problems,
              ::testing::Contains(HasSubstr("true or false")));
}

TEST(ConfigurationTest, KeyIsMadeForATenantWithScopesInAFile) {
  const auto made =
      parse({"--new-key", "acme", "--scopes", "jobs:read,jobs:write", "--api-keys-file", "keys"},
            {}, Role::api);
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_EQ(made.configuration.new_key, "acme");

  EXPECT_THAT(parse({"--new-key", "acme"}, {}, Role::api).problems, SizeIs(2));
  EXPECT_THAT(parse({"--new-key", "two words", "--scopes", "jobs:read"}, {}, Role::api).problems,
              SizeIs(1));
}

TEST(ConfigurationTest, CertificateWithoutKeyIsRefused) {
  EXPECT_THAT(parse({"--tls-cert-file", "cert.pem"}, {}, Role::worker).problems,
              ElementsAre(HasSubstr("--tls-key-file")));
}

class ValueFileTest : public ::testing::Test {
 protected:
  std::vector<std::string> problems_with(const std::string& path) {
    return parse({}, {{"OPENAI_API_KEY_FILE", path}}).problems;
  }
  std::string write(const std::string& content) {
    const std::string path = directory_.path().string() + "/key";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  tests::TemporaryDirectory directory_;
};

TEST_F(ValueFileTest, LineBreakAtTheEndIsNoPartOfTheValue) {
  const auto parsed = parse({}, {{"OPENAI_API_KEY_FILE", write("sk-12345678\n")}});

  EXPECT_THAT(parsed.problems, IsEmpty());
  EXPECT_EQ(parsed.configuration.openai_api_key.expose(), "sk-12345678");
}

TEST(KeysOfParts, OpenAisKeyIsGivenToNoOtherUrl) {
  const auto key_for = [](const std::string& url, const Variables& more) {
    Variables variables{{"OPENAI_API_KEY", "sk-12345678"}, {"RWP_AI_URL", url}};
    variables.insert(more.begin(), more.end());
    const auto parsed = parse({}, variables);
    EXPECT_THAT(parsed.problems, IsEmpty());
    return std::string(builtin_options(parsed.configuration).ai_key.expose());
  };

  EXPECT_EQ(key_for("openai:", {}), "sk-12345678");
  EXPECT_EQ(key_for("http://127.0.0.1:9/v1", {}), "");
  EXPECT_EQ(key_for("https://example.com/v1", {}), "");
  EXPECT_EQ(key_for("http://127.0.0.1:9/v1", {{"RWP_AI_API_KEY", "rwp_12345678"}}), "rwp_12345678");
  EXPECT_EQ(key_for("openai:", {{"RWP_AI_API_KEY", "rwp_12345678"}}), "rwp_12345678");
}

TEST_F(ValueFileTest, FlagOfASecretNamesItsFile) {
  const auto parsed = parse({"--ai-key-file", write("rwp_12345678")},
                            {{"RWP_AI_API_KEY", "of-the-environment"}}, Role::worker);

  EXPECT_THAT(parsed.problems, IsEmpty());
  EXPECT_EQ(parsed.configuration.ai_key.expose(), "rwp_12345678");
  EXPECT_THAT(parse({"--ai-key", "rwp_12345678"}, {}, Role::worker).problems,
              ::testing::Each(Not(HasSubstr("--ai-key="))));
}

TEST_F(ValueFileTest, FileThatOthersMayWriteIsRefused) {
  const std::string path = write("sk-12345678");
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);

  EXPECT_THAT(problems_with(path), ElementsAre(HasSubstr("chmod o-w")));
}

TEST_F(ValueFileTest, MissingEmptyAndHugeFilesAndDirectoriesAreRefused) {
  EXPECT_THAT(problems_with(directory_.path().string() + "/none"), SizeIs(1));
  EXPECT_THAT(problems_with(directory_.path().string()), SizeIs(1));
  EXPECT_THAT(problems_with(write("\n")), ElementsAre(HasSubstr("empty")));
  EXPECT_THAT(problems_with(write(std::string(70'000, 'k'))), ElementsAre(HasSubstr("64 KiB")));
}

}  // namespace
}  // namespace rwp::pods
