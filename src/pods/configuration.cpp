#include "pods/listen_address.hpp"
#include "pods/setting.hpp"
#include <rwp/core/url.hpp>
#include <rwp/pods/configuration.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

namespace rwp::pods {
namespace {

constexpr const char* kVersion = "0.1.0";

/// A path as it stands in a URL, where % and ? have meanings.
std::string url_path(const std::string& path) {
  std::string escaped;
  for (const char c : path) {
    if (c == '%') {
      escaped += "%25";
    } else if (c == '?') {
      escaped += "%3F";
    } else if (c == '#') {
      escaped += "%23";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void set_default_urls(Configuration& configuration) {
  const std::string dir = url_path(configuration.data_dir);
  const auto set = [](std::string& url, std::string value) {
    if (url.empty()) url = std::move(value);
  };
  set(configuration.jobs_url, "sqlite:" + dir + "/jobs.db");
  set(configuration.objects_url, "file:" + dir + "/objects");
  set(configuration.ai_url, "local:");
  set(configuration.analytics_url, "jsonl:" + dir + "/events.jsonl");
  if (configuration.write_patience.count() < 0) {
    const bool one_file = configuration.jobs_url.starts_with("sqlite:");
    configuration.write_patience = one_file ? std::chrono::seconds(0) : std::chrono::seconds(60);
  }
}

const char* description(Role role) {
  switch (role) {
    case Role::standalone:
      return "Enriches job adverts: worker, AI, storage and analytics in one process.";
    case Role::api:
      return "Serves /v1/jobs: submit jobs, look at them, steer them.";
    case Role::worker:
      return "Runs jobs: enriches job adverts, stores the records, delivers the events.";
    case Role::ai:
      return "Serves a language model as OpenAI's API does.";
    case Role::analytics:
      return "Collects events as Google Analytics' Measurement Protocol does, and forwards them.";
    case Role::ctl:
      return "Looks at jobs, queues and keys, steers them, and checks what they stand on.";
  }
  return "";
}

std::string key_of(const Setting& setting) {
  return setting.variable.empty() ? setting.flag : setting.variable;
}

std::vector<EffectiveSetting> effective(const std::vector<Setting>& all,
                                        const Configuration& configuration,
                                        const std::map<std::string, std::string>& sources) {
  std::vector<EffectiveSetting> shown;
  for (const auto& setting : all) {
    if (setting.variable.empty()) continue;
    const auto source = sources.find(setting.variable);
    shown.push_back({.name = setting.variable,
                     .value = setting.show(configuration),
                     .source = source == sources.end() ? "default" : source->second});
  }
  return shown;
}

std::string as_text(const std::vector<EffectiveSetting>& settings) {
  std::string text;
  for (const auto& setting : settings) {
    text += setting.name + "=" + setting.value + "  # " + setting.source + "\n";
  }
  return text;
}

std::string footer(const std::vector<Setting>& all) {
  std::string text = "Each flag is also an environment variable:";
  std::string names;
  for (const auto& setting : all) {
    if (setting.variable.empty()) continue;
    names += (names.empty() ? " " : ", ") + setting.variable;
  }
  text += names +
          ".\nSecrets and URLs are read from the file that NAME_FILE names, too. A flag stands "
          "above the environment,\nthat above NAME_FILE, that above the default.\n"
          "Exit codes: 0 done, 1 failed, 2 bad usage.";
  return text;
}

/// What CLI11 left over: flags that are none, or another program's.
std::string unknown_argument(const std::string& argument, const std::vector<Setting>& of_others) {
  const std::string flag = argument.substr(0, argument.find('='));
  for (const auto& setting : of_others) {
    if (setting.flag == flag) return "unknown argument '" + flag + "': it is another program's";
  }
  const Setting plain;
  return "unknown argument " + shown_value(plain, argument) + "; see --help";
}

/// Where a setting's value was found.
struct Found {
  std::string source{};
  Result<std::string> value{};
};

std::optional<Found> find_in_environment(const Setting& setting, const Environment& environment) {
  if (setting.variable.empty()) return std::nullopt;
  if (auto set = environment(setting.variable)) {
    return Found{.source = setting.variable, .value = std::move(*set)};
  }
  const std::string file_variable = setting.variable + "_FILE";
  const auto path = setting.from_file ? environment(file_variable) : std::nullopt;
  if (!path) return std::nullopt;
  const Setting plain;
  Found found{.source = file_variable, .value = read_value_file(*path)};
  if (!found.value) found.source += "=" + shown_value(plain, *path);
  return found;
}

/// Rules that bind several settings.
void check_together(const Configuration& configuration, std::vector<std::string>& problems) {
  if (configuration.proxy_protocol && configuration.trusted_proxies.empty()) {
    problems.emplace_back("--proxy-protocol: needs --trusted-proxies, whose connections begin so");
  }
  const bool makes_key = !configuration.new_key.empty();
  if (configuration.tls_cert_file.empty() != configuration.tls_key_file.empty()) {
    problems.emplace_back("--tls-cert-file, --tls-key-file: give both or none");
  }
  if (makes_key && configuration.api_keys_file.empty()) {
    problems.emplace_back(
        "--new-key: needs --api-keys-file or RWP_API_KEYS_FILE, to which the key's hash is added");
  }
  if (makes_key == configuration.scopes.empty()) {
    problems.emplace_back("--new-key, --scopes: give both or none");
  }
  if (configuration.role == Role::ai && configuration.ai_batch && !configuration.ai_files) {
    problems.emplace_back("--ai-batch: is for lines of batches here, and needs --ai-files");
  }
  const bool asks_for_keys = configuration.role != Role::worker &&
                             configuration.role != Role::ctl && !configuration.listen.empty();
  if (configuration.allow_anonymous) {
    const auto address = parse_listen_address(configuration.listen);
    if (asks_for_keys && (!address || !address->is_loopback())) {
      problems.push_back("--allow-anonymous: only with a loopback --listen, such as 127.0.0.1:" +
                         std::to_string(address ? address->port : 3000));
    }
    if (!configuration.api_keys_file.empty()) {
      problems.emplace_back("--allow-anonymous, --api-keys-file: give one of them");
    }
  } else if (asks_for_keys && !makes_key && configuration.api_keys_file.empty()) {
    problems.emplace_back(
        "--api-keys-file: is not given, so nobody could use this; make a key with "
        "api_pod --new-key, or serve everybody on this machine with --allow-anonymous "
        "--listen 127.0.0.1:3000");
  }
}

}  // namespace

std::string_view program_name(Role role) noexcept {
  switch (role) {
    case Role::standalone:
      return "standalone";
    case Role::api:
      return "api_pod";
    case Role::worker:
      return "worker_pod";
    case Role::ai:
      return "ai_pod";
    case Role::analytics:
      return "analytics_pod";
    case Role::ctl:
      return "rwpctl";
  }
  return "";
}

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    // Read before any thread is started; nothing in this process sets variables.
    const char* value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
    // Set to nothing is how manifests leave a variable out.
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

ParsedConfiguration parse_configuration(const std::vector<std::string>& arguments,
                                        const Environment& environment,
                                        const SchemeRegistry& schemes, Role role) {
  ParsedConfiguration parsed;
  parsed.configuration.role = role;
  auto all = settings(schemes);
  const auto others = std::stable_partition(
      all.begin(), all.end(), [role](const Setting& own) { return own.roles.contains(role); });
  const std::vector<Setting> of_others(others, all.end());
  all.erase(others, all.end());

  // CLI11 takes the flags apart; the rules are ours, so that every bad value is told, and alike.
  CLI::App app(description(role), std::string(program_name(role)));
  std::map<std::string, std::string> flags;
  bool version = false;
  bool print = false;
  for (const auto& setting : all) {
    if (setting.flag.empty()) continue;
    if (setting.is_switch) {
      app.add_flag(setting.flag, setting.help);
      flags[setting.flag] = "true";
      continue;
    }
    app.add_option(setting.flag, flags[setting.flag], setting.help)
        ->type_name(setting.placeholder)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  app.add_flag("--version", version, "Show the version");
  app.add_flag("--print-config", print, "Show the effective settings, secrets masked");
  app.allow_extras();
  app.footer(footer(all));
  try {
    auto reversed = arguments;
    std::reverse(reversed.begin(), reversed.end());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    parsed.answer = app.help();
    return parsed;
  } catch (const CLI::ParseError& error) {
    parsed.problems.emplace_back(error.what());
    return parsed;
  }
  if (version) {
    parsed.answer = std::string("rwp ") + kVersion + "\n";
    return parsed;
  }
  for (const auto& extra : app.remaining()) {
    parsed.problems.push_back(unknown_argument(extra, of_others));
  }

  std::map<std::string, std::string> sources;
  for (const auto& setting : all) {
    std::optional<Found> found;
    if (!setting.flag.empty() && app.count(setting.flag) > 0) {
      const auto& value = flags[setting.flag];
      found = Found{.source = setting.flag, .value = value};
      // A secret's flag names its file.
      if (setting.secret) found->value = read_value_file(value);
    } else {
      found = find_in_environment(setting, environment);
    }
    if (!found) continue;
    if (!found->value) {
      parsed.problems.push_back(found->source + ": " + found->value.error().message());
      continue;
    }
    sources[key_of(setting)] = found->source;
    const auto taken = setting.take(parsed.configuration, *found->value);
    if (!taken) {
      parsed.problems.push_back(found->source + "=" + shown_value(setting, *found->value) + ": " +
                                taken.error().message());
    }
  }
  const bool serves = role != Role::standalone && role != Role::ctl;
  if (serves && parsed.configuration.listen.empty()) {
    parsed.configuration.listen = ":3000";
  }
  set_default_urls(parsed.configuration);
  auto& credentials_file = parsed.configuration.aws_shared_credentials_file;
  const auto home = environment("HOME");
  if (credentials_file.empty() && home) credentials_file = *home + "/.aws/credentials";

  const auto ai_url = Url::parse(parsed.configuration.ai_url);
  const bool has_key =
      !parsed.configuration.openai_api_key.empty() || !parsed.configuration.ai_key.empty();
  // What needs the model says so itself in rwpctl, where most commands do not.
  if (role != Role::ctl && ai_url && ai_url->scheme() == "openai" && !has_key &&
      !sources.contains("OPENAI_API_KEY") && !sources.contains("RWP_AI_API_KEY")) {
    parsed.problems.emplace_back(
        "OPENAI_API_KEY: is not set, and openai: needs it; set it, or OPENAI_API_KEY_FILE to the "
        "path of a file that holds it");
  }
  // What is asked for only to be shown need not be ready to serve.
  if (!print && parsed.problems.empty()) check_together(parsed.configuration, parsed.problems);
  parsed.effective = effective(all, parsed.configuration, sources);
  if (print && parsed.problems.empty()) parsed.answer = as_text(parsed.effective);
  return parsed;
}

}  // namespace rwp::pods
