#include "pods/setting.hpp"

#include <rwp/ai/model.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/url.hpp>
#include <rwp/core/utf8.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace rwp::pods {
namespace {

Error broken(std::string rule) { return {Errc::invalid_argument, std::move(rule)}; }

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name + ":";
  return text;
}

template <class Interface>
Setting url_setting(std::string flag, std::string variable, std::string help,
                    std::string Configuration::*member, const SchemeRegistry& registry) {
  Setting setting;
  setting.flag = std::move(flag);
  setting.variable = std::move(variable);
  setting.placeholder = "URL";
  setting.help = std::move(help);
  setting.from_file = true;
  const auto known = registry.schemes<Interface>();
  setting.take = [member, known](Configuration& configuration,
                                 const std::string& value) -> Result<void> {
    const auto url = Url::parse(value);
    if (!url)
      return broken("must be a URL such as " + known.front() + ": (" + url.error().message() + ")");
    if (std::find(known.begin(), known.end(), url->scheme()) == known.end()) {
      return broken("unknown scheme '" + url->scheme() + ":'; here are " + join(known));
    }
    configuration.*member = value;
    return {};
  };
  setting.show = [member](const Configuration& configuration) {
    const auto url = Url::parse(configuration.*member);
    return url ? url->masked() : configuration.*member;
  };
  return setting;
}

Setting text_setting(std::string flag, std::string variable, std::string placeholder,
                     std::string help, std::string Configuration::*member, std::string rule,
                     bool (*is_good)(const std::string&)) {
  Setting setting;
  setting.flag = std::move(flag);
  setting.variable = std::move(variable);
  setting.placeholder = std::move(placeholder);
  setting.help = std::move(help);
  setting.take = [member, rule = std::move(rule), is_good](
                     Configuration& configuration, const std::string& value) -> Result<void> {
    if (!is_good(value)) return broken(rule);
    configuration.*member = value;
    return {};
  };
  setting.show = [member](const Configuration& configuration) { return configuration.*member; };
  return setting;
}

template <class Enum, std::size_t size, class Member>
Setting choice_setting(std::string flag, std::string variable, std::string help,
                       Member Configuration::*member,
                       std::array<std::pair<std::string_view, Enum>, size> choices) {
  Setting setting;
  setting.flag = std::move(flag);
  setting.variable = std::move(variable);
  for (const auto& [name, value] : choices) {
    setting.placeholder += (setting.placeholder.empty() ? "" : "|") + std::string(name);
  }
  setting.help = std::move(help);
  setting.take = [member, choices, rule = "must be " + setting.placeholder](
                     Configuration& configuration, const std::string& value) -> Result<void> {
    for (const auto& [name, choice] : choices) {
      if (name != value) continue;
      configuration.*member = choice;
      return {};
    }
    return broken(rule);
  };
  setting.show = [member, choices](const Configuration& configuration) -> std::string {
    for (const auto& [name, choice] : choices) {
      if (configuration.*member == choice) return std::string(name);
    }
    return {};  // Left to the program.
  };
  return setting;
}

bool is_path(const std::string& value) {
  return !value.empty() && value.size() <= 4'000 && value.find('\0') == std::string::npos;
}

bool is_run_name(const std::string& value) {
  return !value.empty() && value.size() <= 64 && value.front() != '.' &&
         value.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-_.") == std::string::npos;
}

Setting concurrency_setting() {
  Setting setting;
  setting.flag = "--concurrency";
  setting.variable = "RWP_CONCURRENCY";
  setting.placeholder = "N";
  setting.help = "Adverts worked on at once, 1 to 1000 (16)";
  setting.take = [](Configuration& configuration, const std::string& value) -> Result<void> {
    std::size_t number = 0;
    const auto* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < 1 || number > 1'000) {
      return broken("must be a whole number from 1 to 1000");
    }
    configuration.concurrency = number;
    return {};
  };
  setting.show = [](const Configuration& configuration) {
    return std::to_string(configuration.concurrency);
  };
  return setting;
}

Setting drain_setting() {
  Setting setting;
  setting.flag = "--drain-grace";
  setting.variable = "RWP_DRAIN_GRACE";
  setting.placeholder = "TIME";
  setting.help = "How long running jobs may go on after a first SIGTERM, up to 1h (25s)";
  setting.take = [](Configuration& configuration, const std::string& value) -> Result<void> {
    const auto time = parse_duration(value);
    if (!time || *time > std::chrono::hours(1)) {
      return broken("must be a time such as 500ms, 25s or 2m, at most 1h");
    }
    configuration.drain_grace = *time;
    return {};
  };
  setting.show = [](const Configuration& configuration) {
    return std::to_string(configuration.drain_grace.count()) + "ms";
  };
  return setting;
}

Setting openai_key_setting() {
  Setting setting;
  setting.variable = "OPENAI_API_KEY";
  setting.help = "Key of the OpenAI-compatible service";
  setting.secret = true;
  setting.from_file = true;
  setting.take = [](Configuration& configuration, const std::string& value) -> Result<void> {
    const auto is_good = [](char c) { return c > ' ' && c < '\x7f'; };
    if (value.size() < 8 || value.size() > 512 ||
        !std::all_of(value.begin(), value.end(), is_good)) {
      return broken("must be 8 to 512 printable characters without spaces");
    }
    configuration.openai_api_key = Secret(value);
    return {};
  };
  setting.show = [](const Configuration& configuration) {
    return configuration.openai_api_key.masked();
  };
  return setting;
}

}  // namespace

std::vector<Setting> settings(const SchemeRegistry& schemes) {
  using observability::LogFormat;
  using observability::LogLevel;
  std::vector<Setting> all;
  all.push_back(text_setting("--input", "RWP_INPUT", "FILE",
                             "Adverts to enrich, JSON Lines or CSV; without it, run as a worker",
                             &Configuration::input, "must be the path of a file", &is_path));
  all.push_back(
      text_setting("--run", "RWP_RUN", "NAME",
                   "A run of its own: enrich everything anew under this name", &Configuration::run,
                   "must be 1 to 64 of a-z A-Z 0-9 - _ . and not start with a dot", &is_run_name));
  all.push_back(text_setting("--data-dir", "RWP_DATA_DIR", "DIR",
                             "Where jobs, objects and events lie by default (rwp-data)",
                             &Configuration::data_dir, "must be the path of a directory",
                             &is_path));
  all.push_back(url_setting<jobs::JobStore>("--jobs-url", "RWP_JOBS_URL",
                                            "Job store (sqlite:DIR/jobs.db)",
                                            &Configuration::jobs_url, schemes));
  all.push_back(url_setting<storage::ObjectStore>("--objects-url", "RWP_OBJECTS_URL",
                                                  "Object store (file:DIR/objects)",
                                                  &Configuration::objects_url, schemes));
  all.push_back(url_setting<ai::Model>("--ai-url", "RWP_AI_URL", "Language model (local:)",
                                       &Configuration::ai_url, schemes));
  all.push_back(url_setting<analytics::Sink>("--analytics-url", "RWP_ANALYTICS_URL",
                                             "Where events go (jsonl:DIR/events.jsonl)",
                                             &Configuration::analytics_url, schemes));
  all.push_back(openai_key_setting());
  all.push_back(concurrency_setting());
  all.push_back(drain_setting());
  all.push_back(choice_setting<Progress, 4>(
      "--progress", "RWP_PROGRESS", "How progress is shown (auto)", &Configuration::progress,
      {{{"auto", Progress::automatic},
        {"bar", Progress::bar},
        {"lines", Progress::lines},
        {"none", Progress::none}}}));
  all.push_back(choice_setting<LogFormat, 2>(
      "--log-format", "RWP_LOG_FORMAT", "Form of the log on standard error (text)",
      &Configuration::log_format, {{{"text", LogFormat::text}, {"json", LogFormat::json}}}));
  all.push_back(choice_setting<LogLevel, 4>("--log-level", "RWP_LOG_LEVEL",
                                            "Least level that is logged (error; as a worker warn)",
                                            &Configuration::log_level,
                                            {{{"debug", LogLevel::debug},
                                              {"info", LogLevel::info},
                                              {"warn", LogLevel::warn},
                                              {"error", LogLevel::error}}}));
  return all;
}

std::string shown_value(const Setting& setting, const std::string& value) {
  if (setting.secret) return "'********'";
  std::string text = value;
  if (setting.placeholder == "URL") {
    const auto url = Url::parse(value);
    // What cannot be taken apart is shown only when it can hold no password.
    if (!url && value.find_first_of("@=") != std::string::npos) return "'********'";
    if (url) text = url->masked();
  }
  constexpr std::size_t kLongest = 80;
  std::string shown;
  for (std::size_t i = 0; i < text.size() && shown.size() < kLongest;) {
    const std::size_t length = utf8_sequence_length(std::string_view(text).substr(i));
    const bool printable = length > 1 || (length == 1 && text[i] >= ' ' && text[i] != '\x7f');
    shown += printable ? text.substr(i, length) : "?";
    i += length > 0 ? length : 1;
  }
  if (shown.size() < text.size()) shown += "…";
  return "'" + shown + "'";
}

}  // namespace rwp::pods
