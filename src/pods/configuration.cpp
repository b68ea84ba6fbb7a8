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
}

std::string effective(const std::vector<Setting>& all, const Configuration& configuration,
                      const std::map<std::string, std::string>& sources) {
  std::string text;
  for (const auto& setting : all) {
    const auto source = sources.find(setting.variable);
    text += setting.variable + "=" + setting.show(configuration) + "  # " +
            (source == sources.end() ? "default" : source->second) + "\n";
  }
  return text;
}

std::string footer(const std::vector<Setting>& all) {
  std::string text = "Each flag is also an environment variable:";
  std::string names;
  for (const auto& setting : all) {
    names += (names.empty() ? " " : ", ") + setting.variable;
  }
  text += names +
          ".\nSecrets and URLs are read from the file that NAME_FILE names, too. A flag stands "
          "above the environment,\nthat above NAME_FILE, that above the default.\n"
          "Exit codes: 0 done, 1 failed, 2 bad usage.";
  return text;
}

}  // namespace

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
                                        const SchemeRegistry& schemes) {
  ParsedConfiguration parsed;
  const auto all = settings(schemes);

  // CLI11 takes the flags apart; the rules are ours, so that every bad value is told, and alike.
  CLI::App app("Enriches job adverts: worker, AI, storage and analytics in one process.",
               "standalone");
  std::map<std::string, std::string> flags;
  bool version = false;
  bool print = false;
  for (const auto& setting : all) {
    if (setting.flag.empty()) continue;
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
    parsed.problems.push_back(error.what());
    return parsed;
  }
  if (version) {
    parsed.answer = std::string("rwp ") + kVersion + "\n";
    return parsed;
  }
  for (const auto& extra : app.remaining()) {
    Setting any;
    parsed.problems.push_back("unknown argument " + shown_value(any, extra) + "; see --help");
  }

  std::map<std::string, std::string> sources;
  for (const auto& setting : all) {
    std::optional<std::string> value;
    std::string source;
    const std::string file_variable = setting.variable + "_FILE";
    if (!setting.flag.empty() && app.count(setting.flag) > 0) {
      value = flags[setting.flag];
      source = setting.flag;
    } else if (auto set = environment(setting.variable)) {
      value = std::move(set);
      source = setting.variable;
    } else if (auto path = setting.from_file ? environment(file_variable) : std::nullopt) {
      source = file_variable;
      auto content = read_value_file(*path);
      if (!content) {
        Setting plain;
        parsed.problems.push_back(source + "=" + shown_value(plain, *path) + ": " +
                                  content.error().message());
        continue;
      }
      value = std::move(*content);
    }
    if (!value) continue;
    sources[setting.variable] = source;
    const auto taken = setting.take(parsed.configuration, *value);
    if (!taken) {
      parsed.problems.push_back(source + "=" + shown_value(setting, *value) + ": " +
                                taken.error().message());
    }
  }
  set_default_urls(parsed.configuration);

  const auto ai_url = Url::parse(parsed.configuration.ai_url);
  if (ai_url && ai_url->scheme() == "openai" && parsed.configuration.openai_api_key.empty() &&
      sources.count("OPENAI_API_KEY") == 0) {
    parsed.problems.push_back(
        "OPENAI_API_KEY: is not set, and openai: needs it; set it, or OPENAI_API_KEY_FILE to the "
        "path of a file that holds it");
  }
  if (print && parsed.problems.empty()) {
    parsed.answer = effective(all, parsed.configuration, sources);
  }
  return parsed;
}

}  // namespace rwp::pods
