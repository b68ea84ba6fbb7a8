#include "pods/pod_server.hpp"
#include "pods/stop_signals.hpp"
#include <rwp/core/url.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/net/otlp_exporter.hpp>
#include <rwp/pods/pod.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What the last spans may hold up the end.
constexpr std::chrono::seconds kSpansAtTheEnd{2};

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

observability::Logger make_log(const Configuration& configuration) {
  observability::LogOptions options;
  options.format = configuration.log_format;
  options.level = configuration.log_level.value_or(observability::LogLevel::info);
  return observability::Logger(observability::make_stderr_log_sink(options));
}

}  // namespace

namespace {

storage::S3SchemeOptions s3_options(const Configuration& configuration) {
  storage::S3SchemeOptions options;
  options.keys.access_key_id = configuration.aws_access_key_id.expose();
  options.keys.secret_access_key = configuration.aws_secret_access_key;
  options.keys.session_token = configuration.aws_session_token;
  options.web_identity.role_arn = configuration.aws_role_arn;
  options.web_identity.token_file = configuration.aws_web_identity_token_file;
  options.web_identity.sts_url = configuration.aws_endpoint_url_sts;
  if (!configuration.aws_role_session_name.empty()) {
    options.web_identity.session_name = configuration.aws_role_session_name;
  }
  options.credentials_file = configuration.aws_shared_credentials_file;
  if (!configuration.aws_profile.empty()) options.profile = configuration.aws_profile;
  options.region = configuration.aws_region;
  options.endpoint = configuration.aws_endpoint_url_s3;
  return options;
}

}  // namespace

BuiltinOptions builtin_options(const Configuration& configuration) {
  BuiltinOptions options;
  options.ai_key = configuration.ai_key;
  // OpenAI's key is for OpenAI: whoever serves another URL must not be handed it.
  const auto url = Url::parse(configuration.ai_url);
  if (options.ai_key.empty() && url && url->scheme() == "openai") {
    options.ai_key = configuration.openai_api_key;
  }
  options.ai_model = configuration.ai_model;
  options.ga4_api_secret = configuration.ga4_api_secret;
  options.analytics_key = configuration.analytics_key;
  options.s3 = s3_options(configuration);
  return options;
}

struct PodProcess::Impl {
  explicit Impl(Configuration settings) : configuration(std::move(settings)) {}

  const Configuration configuration;
  // Before the runtimes: their threads inherit the blocked signals.
  StopSignals signals;
  observability::Logger log;
  std::shared_ptr<observability::Metrics> metrics = observability::make_metrics();
  SchemeRegistry schemes;
  std::vector<std::unique_ptr<Runtime>> runtimes;
  std::vector<Runtime*> io;
  Runtime* control = nullptr;
  std::shared_ptr<net::OtlpExporter> spans;  // Uses `control`, and so goes before it.
};

PodProcess::PodProcess(Configuration configuration, const MakeSchemes& make_schemes)
    : impl_(std::make_unique<Impl>(std::move(configuration))) {
  impl_->log = make_log(impl_->configuration);
  auto options = builtin_options(impl_->configuration);
  options.log = impl_->log;
  options.metrics = impl_->metrics;
  impl_->schemes = make_schemes(std::move(options));

  const auto add = [this](RuntimeOptions of_runtime) {
    impl_->runtimes.push_back(std::make_unique<Runtime>(std::move(of_runtime)));
    return impl_->runtimes.back().get();
  };
  const std::size_t threads = impl_->configuration.http_threads;
  for (std::size_t i = 0; i < threads; ++i) {
    RuntimeOptions of_io;
    of_io.name = "rwp-http-" + std::to_string(i);
    impl_->io.push_back(add(std::move(of_io)));
  }
  RuntimeOptions of_control;
  of_control.name = "rwp-control";
  impl_->control = threads == 1 ? impl_->io.front() : add(std::move(of_control));
  if (!impl_->configuration.traces_url.empty()) open_spans();
}

PodProcess::~PodProcess() = default;

void PodProcess::open_spans() {
  net::CurlTransportOptions of_transport;
  of_transport.log = impl_->log;
  net::OtlpOptions options;
  options.url = impl_->configuration.traces_url;
  options.service_name = "rwp-" + std::string(program_name(impl_->configuration.role));
  options.service_instance = host_name() + ":" + std::to_string(::getpid());
  constexpr double kPercent = 100;
  options.sample_ratio = static_cast<double>(impl_->configuration.traces_percent) / kPercent;
  options.metrics = impl_->metrics;
  options.log = impl_->log;
  auto made = net::make_otlp_exporter(
      control(), net::make_curl_transport(control(), std::move(of_transport)), std::move(options));
  impl_->spans = std::move(made).value();  // What the settings let through is valid.
}

std::shared_ptr<observability::SpanExporter> PodProcess::spans() const noexcept {
  return impl_->spans;
}

const Configuration& PodProcess::configuration() const noexcept { return impl_->configuration; }
const SchemeRegistry& PodProcess::schemes() const noexcept { return impl_->schemes; }
const observability::Logger& PodProcess::log() const noexcept { return impl_->log; }
const std::shared_ptr<observability::Metrics>& PodProcess::metrics() const noexcept {
  return impl_->metrics;
}
const std::vector<Runtime*>& PodProcess::io() const noexcept { return impl_->io; }
Runtime& PodProcess::control() noexcept { return *impl_->control; }

int PodProcess::fail(const Error& error) const {
  std::fprintf(stderr, "%s: %s\n", std::string(program_name(impl_->configuration.role)).c_str(),
               error.message().c_str());
  return kExitFailure;
}

Result<void> PodProcess::make_data_directory(const std::string& url) const {
  const std::string& folder = impl_->configuration.data_dir;
  const auto parsed = Url::parse(url);
  if (!parsed || !parsed->path().starts_with(folder + "/")) return {};
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (!code) return {};
  return Error(Errc::unavailable, "data directory '" + folder + "': " + code.message());
}

Error PodProcess::told(const char* what, const std::string& url, const Error& error) {
  const auto parsed = Url::parse(url);
  return error.with_context(std::string(what) + " " + (parsed ? parsed->masked() : std::string()));
}

int PodProcess::serve(PodService service) {
  PodServer::Parts parts;
  parts.io = impl_->io;
  parts.router = std::move(service.router);
  parts.dependencies = std::move(service.dependencies);
  parts.log = impl_->log;
  parts.metrics = impl_->metrics;
  parts.spans = impl_->spans;
  auto started = PodServer::start(impl_->configuration, std::move(parts));
  if (!started) return fail(started.error());
  PodServer& server = **started;
  std::fprintf(stderr, "%s: serving on %s; stop with Ctrl-C or SIGTERM\n",
               std::string(program_name(impl_->configuration.role)).c_str(),
               server.address().c_str());

  int seen = 0;
  while (seen == 0) seen = impl_->signals.wait(1s);
  impl_->log.info("drain begun", {{"delay_ms", impl_->configuration.drain_delay.count()}});
  const auto hurry = [&] {
    server.drain();
    if (service.drain) service.drain();
  };
  for (int i = 0; i < seen; ++i) hurry();
  bool served = false;
  bool worked = !service.wait_drained;
  while (!served || !worked) {
    if (!served) served = server.wait_drained(Clock::now() + 50ms);
    if (!worked) worked = service.wait_drained(Clock::now() + 50ms);
    // Each further signal counts; the second drain is "at once".
    const int now = impl_->signals.count();
    for (; seen < now; ++seen) hurry();
  }
  if (impl_->spans) {
    const auto flushed = block_on(control(), impl_->spans->flush(Clock::now() + kSpansAtTheEnd));
    if (!flushed) impl_->log.warn("spans were lost", {{"error", flushed.error()}});
  }
  impl_->log.info("stopped");
  return kExitSuccess;
}

int run_program(Role role, int argc, char** argv, const RunPod& run,
                const MakeSchemes& make_schemes) {
  const std::string name(program_name(role));
  try {
    auto parsed = parse_configuration(std::vector<std::string>(argv + 1, argv + argc),
                                      process_environment(), make_schemes(BuiltinOptions()), role);
    for (const auto& problem : parsed.problems) {
      std::fprintf(stderr, "%s: %s\n", name.c_str(), problem.c_str());
    }
    if (!parsed.problems.empty()) return kExitUsage;
    if (parsed.answer) {
      std::fputs(parsed.answer->c_str(), stdout);
      return kExitSuccess;
    }
    PodProcess pod(std::move(parsed.configuration), make_schemes);
    return run(pod);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return kExitFailure;
  }
}

}  // namespace rwp::pods
