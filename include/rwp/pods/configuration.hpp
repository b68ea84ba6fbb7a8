#pragma once

#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// How a run says how far it is.
enum class Progress : std::uint8_t {
  automatic,  ///< A bar when standard output is a terminal, lines otherwise.
  bar,
  lines,
  none,
};

/// The settings of a pod. Each is a flag and an environment variable of the same name:
/// `--jobs-url`, `RWP_JOBS_URL`.
struct Configuration {
  /// Where the defaults of the URLs lie, and `rejects.jsonl`.
  std::string data_dir = "rwp-data";
  std::string jobs_url{};
  std::string objects_url{};
  std::string ai_url{};
  std::string analytics_url{};
  /// Key of an OpenAI-compatible service; needed by `openai:` alone.
  Secret openai_api_key{};

  /// Adverts to enrich, JSON Lines or CSV. Empty: run as a worker until told to stop.
  std::string input{};
  /// A name of its own for the run of an input, so that everything is enriched anew. Empty: adverts
  /// that were enriched before, from the same text and with the same prompt, are not paid again.
  std::string run{};
  Progress progress = Progress::automatic;

  /// Adverts worked on at once; 1 to 1,000.
  std::size_t concurrency = 16;
  /// How long running jobs may go on after the first SIGTERM or SIGINT; up to an hour.
  std::chrono::milliseconds drain_grace{25'000};
  observability::LogFormat log_format = observability::LogFormat::text;
  /// Unset: errors while an input is worked on, whose failures are told at the end; warnings, too,
  /// as a worker.
  std::optional<observability::LogLevel> log_level{};
};

/// Answers the value of an environment variable.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The process's own.
Environment process_environment();

/// What became of flags and environment.
struct ParsedConfiguration {
  Configuration configuration{};
  /// One line for each bad value: its name, the value (masked when it is secret), the rule. Empty:
  /// the configuration is good.
  std::vector<std::string> problems{};
  /// What --help, --version or --print-config asked to be shown; then nothing is to be run.
  std::optional<std::string> answer{};
};

/// Reads the settings: a flag stands above the environment, that above the file named by NAME_FILE
/// (secrets and URLs, which may hold one), that above the default. All problems are told at once.
///
/// A NAME_FILE is a file of at most 64 KiB that others may not write; line breaks at its end are no
/// part of the value. A URL's scheme must be one of `schemes` for its part.
ParsedConfiguration parse_configuration(const std::vector<std::string>& arguments,
                                        const Environment& environment,
                                        const SchemeRegistry& schemes);

/// Exit codes of the programs.
constexpr int kExitSuccess = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

}  // namespace rwp::pods
