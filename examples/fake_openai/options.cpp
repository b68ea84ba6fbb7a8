#include "options.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace fake_openai {
namespace {

using rwp::testing::FakeShare;
using rwp::testing::parse_fake_step;

/// "rate_limit:250=7": every seventh request.
rwp::Result<FakeShare> parse_share(const std::string& text) {
  const rwp::Error bad(rwp::Errc::invalid_argument,
                       "\"" + text + "\" is not FAULT=N, such as server_error=10");
  const auto equals = text.find('=');
  if (equals == std::string::npos) return bad;
  FakeShare share;
  const auto step = parse_fake_step(std::string_view(text).substr(0, equals));
  if (!step) return step.error();
  share.step = *step;
  const char* begin = text.data() + equals + 1;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(begin, end, share.period);
  if (read.ec != std::errc() || read.ptr != end || share.period == 0) return bad;
  return share;
}

}  // namespace

Parsed parse(int argc, char** argv) {
  Parsed parsed;
  std::string key;
  std::vector<std::string> shares;
  std::vector<std::string> script;
  std::int64_t minute = parsed.options.rate.minute.count();
  std::int64_t batch_takes = 0;
  parsed.options.listen = "127.0.0.1:8089";
  CLI::App app("An OpenAI-compatible server with deterministic answers and scripted misbehaviour.",
               "fake_openai");
  app.add_option("--listen", parsed.options.listen, "Address and port (127.0.0.1:8089)");
  app.add_option("--model", parsed.options.models, "A model to list; may stand several times");
  app.add_option("--key", key, "The only key that is taken; a test's, not a secret");
  app.add_option("--every", shares, "FAULT=N: every N-th request meets the fault");
  app.add_option("--script", script, "FAULT,FAULT,…: what the first requests meet")->delimiter(',');
  app.add_option("--refuse", parsed.options.refused_parameters,
                 "A parameter that is refused as unsupported, such as temperature");
  app.add_flag("--only-floats", parsed.options.only_float_embeddings,
               "Embeddings are lists of numbers, never base64");
  app.add_option("--requests-per-minute", parsed.options.rate.requests_per_minute,
                 "Beyond so many a request is 429; 0: no limit");
  app.add_option("--tokens-per-minute", parsed.options.rate.tokens_per_minute,
                 "The same for tokens");
  app.add_option("--minute", minute, "How many milliseconds a minute has (60000)")
      ->check(CLI::Range(1, 3'600'000));
  app.add_option("--batch-takes", batch_takes, "Milliseconds from a batch's creation to its end")
      ->check(CLI::Range(0, 86'400'000));
  app.footer(
      "Faults: ok rate_limit[:MS] rate_seconds rate_date rate_ms rate_reset rate_bare slow_down "
      "quota bad_key\nserver_error overloaded bad_gateway reset slow[:MS] slow_token[:MS] hang cut "
      "stall malformed wrong_type\nempty huge[:MIB] error_event refusal length content_filter "
      "misfit. A model named fake:FAULT meets that\nfault, too. POST /_fake/script "
      "{\"steps\":[…],\"uploads\":[…],\"batches\":[…]}, GET /_fake/requests,\nGET /_fake/bill. "
      "Uploads and batches: ok refuse rate_limit lost late[:MS] fail expire[:N] partial[:N]\n"
      "missing[:N] doubled zero_status[:N] bad_line.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
    return parsed;
  }
  const auto refuse = [&parsed](const rwp::Error& error) {
    std::fprintf(stderr, "fake_openai: %s\n", error.message().c_str());
    parsed.exit_code = 2;
  };
  parsed.options.api_key = rwp::Secret(key);
  parsed.options.rate.minute = std::chrono::milliseconds(minute);
  parsed.options.batches.takes = std::chrono::milliseconds(batch_takes);
  for (const auto& text : shares) {
    auto share = parse_share(text);
    if (!share) {
      refuse(share.error());
      return parsed;
    }
    parsed.options.shares.push_back(*share);
  }
  for (const auto& text : script) {
    auto step = parse_fake_step(text);
    if (!step) {
      refuse(step.error());
      return parsed;
    }
    parsed.script.push_back(*step);
  }
  return parsed;
}

}  // namespace fake_openai
