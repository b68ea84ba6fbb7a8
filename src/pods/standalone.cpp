#include "pods/ai_stack.hpp"
#include "pods/enrich_worker.hpp"
#include "pods/enrichment_run.hpp"
#include "pods/event_sinks.hpp"
#include "pods/jobadder/handlers.hpp"
#include "pods/payload_objects.hpp"
#include "pods/pod_server.hpp"
#include "pods/report.hpp"
#include "pods/standalone_routes.hpp"
#include "pods/stop_signals.hpp"
#include "pods/store_ledger.hpp"
#include "pods/summary.hpp"
#include "pods/trouble.hpp"
#include "pods/watched_model.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/url.hpp>
#include <rwp/jobs/client.hpp>
#include <rwp/jobs/outbox_job.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/pods/standalone.hpp>
#include <rwp/recruitment/enrich.hpp>
#include <rwp/storage/artefact.hpp>
#include <rwp/storage_file/file_object_store.hpp>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// No advert has ended for so long, and something is known to be broken: the run gives up.
constexpr auto kPatience = 5s;
constexpr auto kEventsPatience = 30s;

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%e %B %Y, %H:%M UTC", &utc);
  std::string made = text.data();
  if (made.starts_with(' ')) made.erase(0, 1);
  return made;
}

/// A run's name from the input's: "job_ads-1a2b3c4d".
std::string run_name(const Configuration& configuration, const std::string& digest) {
  if (!configuration.run.empty()) return configuration.run;
  std::string stem = std::filesystem::path(configuration.input).stem().string();
  for (char& c : stem) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (!plain) c = '_';
  }
  if (stem.size() > 40) stem.resize(40);
  return (stem.empty() ? "run" : stem) + "-" + digest;
}

/// The process's parts, opened from the configuration; taken down in reverse.
class Standalone {
 public:
  Standalone(const Configuration& configuration, const MakeSchemes& make_schemes)
      : configuration_(configuration) {
    observability::LogOptions options;
    options.format = configuration.log_format;
    options.level = configuration.log_level.value_or(configuration.input.empty()
                                                         ? observability::LogLevel::warn
                                                         : observability::LogLevel::error);
    log_ = observability::Logger(watch_log(observability::make_stderr_log_sink(options), trouble_));
    auto of_parts = builtin_options(configuration);
    of_parts.log = log_;
    of_parts.metrics = metrics_;
    schemes_ = make_schemes(std::move(of_parts));
  }

  int run() {
    // First, as nothing else need be made for a wrong name.
    if (!configuration_.input.empty()) {
      auto reader = AdReader::open(configuration_.input);
      if (!reader) return fail(reader.error().message(), kExitUsage);
      reader_ = std::move(*reader);
    }
    Result<void> opened = open();
    if (!opened) return fail(opened.error());
    if (auto served = start_server(); !served) return fail(served.error().message());
    start_worker();
    const int code = configuration_.input.empty() ? work() : enrich_input();
    stop_worker();
    return code;
  }

 private:
  static int fail(const Error& error) { return fail(error.message() + remedy(error)); }
  static int fail(const std::string& line, int code = kExitFailure) {
    std::fprintf(stderr, "standalone: %s\n", line.c_str());
    return code;
  }

  template <class Interface>
  Result<void> open_part(const char* name, const std::string& url, Runtime& runtime,
                         std::shared_ptr<Interface>& part) {
    auto opened = schemes_.open<Interface>(url, runtime);
    if (!opened) {
      const auto parsed = Url::parse(url);
      return opened.error().with_context(std::string(name) + " " +
                                         (parsed ? parsed->masked() : std::string()));
    }
    part = std::move(*opened);
    return {};
  }

  Result<void> open() {
    std::error_code code;
    std::filesystem::create_directories(configuration_.data_dir, code);
    if (code) {
      const bool denied =
          code == std::errc::permission_denied || code == std::errc::read_only_file_system;
      return Error(denied ? Errc::permission_denied : Errc::unavailable,
                   "data directory '" + configuration_.data_dir + "': " + code.message());
    }
    if (!configuration_.input.empty()) {
      auto rejects = RejectsFile::create(configuration_.data_dir + "/rejects.jsonl");
      if (!rejects) return rejects.error();
      rejects_ = std::move(*rejects);
    }
    auto opened = open_part("object store", configuration_.objects_url, handlers_, parts_.objects);
    if (!opened) return opened;
    opened = open_part("model", ai_model_url(configuration_), handlers_, parts_.model);
    if (!opened) return opened;
    auto sinks = open_event_sinks(
        configuration_.analytics_url, handlers_,
        [this](const std::string& url) -> Result<std::shared_ptr<analytics::Sink>> {
          std::shared_ptr<analytics::Sink> sink;
          auto done = open_part("analytics", url, handlers_, sink);
          if (!done) return done.error();
          return sink;
        });
    if (!sinks) return sinks.error();
    parts_.trouble = trouble_;
    opened = open_part("job store", configuration_.jobs_url, control_, store_);
    if (!opened) return opened;
    store_->use_blobs(payload_objects(schemes_, configuration_.objects_url, control_));
    put_spool_before(std::move(*sinks));
    // A run of an input is not a worker's.
    if (configuration_.input.empty()) {
      auto jobadder =
          open_jobadder(configuration_, handlers_, store_, parts_.objects, log_, metrics_);
      if (!jobadder) return jobadder.error();
      jobadder_ = std::move(*jobadder);
    }
    return put_stack_around_model();
  }

  /// Where events come in over HTTP, and where each sink needs events of its own that wait for it.
  void put_spool_before(std::vector<analytics::NamedSink> sinks) {
    parts_.sink = sinks.front().sink;
    const bool several = sinks.size() > 1;
    if (!several && configuration_.listen.empty()) return;
    EventSpoolParts spooling;
    spooling.store = store_;
    spooling.sinks = std::move(sinks);
    spooling.max_parcels = configuration_.analytics_spool;
    spooling.log = log_;
    spooling.metrics = metrics_;
    events_ = make_event_spool(std::move(spooling));
    if (several) parts_.sink = analytics::make_spooling_sink(events_.spool);
  }

  /// One for the jobs and the routes: they share limits, cache and budgets.
  Result<void> put_stack_around_model() {
    AiStackParts around;
    around.model = parts_.model;
    auto tenants = AiTenants::open(configuration_, log_);
    if (!tenants) return tenants.error();
    tenants_ = std::move(*tenants);
    around.tenants = tenants_;
    around.artefacts = parts_.objects;
    around.ledger = ledger_of(store_);
    around.runtime = &handlers_;
    around.log = log_;
    around.metrics = metrics_;
    auto waiting = open_ai_waiting(configuration_, *parts_.model, store_, around);
    if (!waiting) return waiting.error();
    parts_.waiting = std::move(*waiting);
    if (parts_.waiting) {
      batches_ = make_batch_worker(configuration_, *parts_.waiting, handlers_, around);
    }
    auto stack = build_ai_stack(configuration_, std::move(around));
    if (!stack) return stack.error();
    bare_model_ = std::exchange(parts_.model, std::move(*stack));
    return {};
  }

  void start_worker() {
    client_ = std::make_unique<Client>(store_);
    EnrichWorkerParts around;
    around.store = store_;
    around.handlers = &handlers_;
    around.log = log_;
    around.metrics = metrics_;
    HandlerParts parts = parts_;
    const auto url = Url::parse(configuration_.ai_url);
    parts.model = watch_model(std::move(parts.model), trouble_,
                              "model " + (url ? url->masked() : std::string()));
    worker_ = make_enrich_worker(configuration_, std::move(around), std::move(parts));
    handle_jobadder(*worker_, jobadder_);
    worker_->start();
    if (batches_) batches_->start();
    if (events_.forwarder) events_.forwarder->start();
    start_jobadder_syncs(handlers_, jobadder_);
    log_.info("worker started", {{"concurrency", configuration_.concurrency}});
  }

  /// The pods' routes, when the configuration says where.
  Result<void> start_server() {
    if (configuration_.listen.empty()) return {};
    for (std::size_t i = 0; i < configuration_.http_threads; ++i) {
      RuntimeOptions of_io;
      of_io.name = "rwp-http-" + std::to_string(i);
      http_.push_back(std::make_unique<Runtime>(std::move(of_io)));
    }
    PodServer::Parts serving;
    for (const auto& runtime : http_) serving.io.push_back(runtime.get());
    serving.log = log_;
    serving.metrics = metrics_;
    StandaloneParts shared;
    shared.store = store_;
    shared.objects = parts_.objects;
    shared.model = parts_.model;
    shared.bare_model = bare_model_;
    shared.tenants = tenants_;
    shared.handlers = &handlers_;
    shared.spool = events_.spool;
    shared.log = log_;
    shared.metrics = metrics_;
    auto routes = standalone_routes(configuration_, std::move(shared));
    if (!routes) return routes.error();
    serving.router = std::move(routes->router);
    serving.dependencies = std::move(routes->dependencies);
    end_waits_ = std::move(routes->drain);
    auto started = PodServer::start(configuration_, std::move(serving));
    if (!started) return started.error();
    server_ = std::move(*started);
    std::fprintf(stderr, "standalone: serving on %s\n", server_->address().c_str());
    return {};
  }

  void drain() {
    if (server_) server_->drain();
    if (end_waits_) end_waits_();
    worker_->stop();
    if (batches_) batches_->stop();
    if (events_.forwarder) events_.forwarder->stop();
  }

  void stop_worker() {
    drain();
    // The signal that began this stop is no hurry; each further one is.
    const int expected = stops_seen_ > 0 ? 1 : 0;
    int hurried = 0;
    const auto stopped = [this] {
      const bool worked = worker_->wait_stopped(Clock::now() + 100ms).has_value() &&
                          (!batches_ || batches_->wait_stopped(Clock::now() + 100ms).has_value());
      const bool forwarded =
          !events_.forwarder || events_.forwarder->wait_stopped(Clock::now() + 100ms);
      return worked && forwarded && (!server_ || server_->wait_drained(Clock::now() + 100ms));
    };
    while (!stopped()) {
      // Each further signal counts; the second drain is "at once".
      if (signals_.count() > expected + hurried || gave_up_) {
        drain();
        ++hurried;
        gave_up_ = false;
      }
    }
    log_.info("worker stopped");
  }

  bool stop_asked() {
    stops_seen_ = signals_.count();
    return stops_seen_ > 0;
  }

  int work() {
    std::fprintf(stderr, "standalone: working on %s; stop with Ctrl-C or SIGTERM\n",
                 Url::parse(configuration_.jobs_url)->masked().c_str());
    while (!stop_asked()) stops_seen_ = signals_.wait(1s);
    return kExitSuccess;
  }

  int enrich_input() {
    const auto begun = Clock::now();
    const std::string basis = recruitment::job_ad_enrich_task().prompt_digest() + '\0' +
                              configuration_.ai_url + '\0' + configuration_.run;
    EnrichmentRun run(*client_, *reader_, *rejects_, basis);
    if (configuration_.ai_batch) run.let_wait();
    ProgressDisplay display(configuration_.progress, stdout);
    auto moved = Clock::now();
    std::size_t ended_before = 0;
    while (!run.done()) {
      if (stop_asked()) {
        display.finish(progress_of(run));
        return fail("stopped before the end; run the same command again: it continues");
      }
      auto step = run.all_read() ? Result<void>() : run.submit_some();
      if (step) step = run.follow(run.all_read() ? 150ms : 0ms);
      const auto progress = progress_of(run);
      if (!step) {
        display.finish(progress);
        gave_up_ = true;
        return fail(step.error());
      }
      display.show(progress);
      const std::size_t ended = progress.succeeded + progress.failed;
      if (ended != ended_before) moved = Clock::now();
      ended_before = ended;
      const auto trouble = trouble_->latest();
      if (trouble && trouble->at > moved && (trouble->final || Clock::now() - moved > kPatience)) {
        display.finish(progress);
        gave_up_ = true;
        return fail(trouble->text);
      }
      if (const auto failure = trouble_->model_failure(Clock::now())) {
        display.finish(progress);
        gave_up_ = true;
        return fail(*failure);
      }
    }
    display.finish(progress_of(run));
    const std::chrono::duration<double> seconds = Clock::now() - begun;
    auto closed = rejects_->close();
    if (!closed) return fail(closed.error());
    return finish_run(run, seconds.count());
  }

  RunProgress progress_of(const EnrichmentRun& run) const {
    auto progress = run.progress();
    progress.running = worker_->statistics().running;
    return progress;
  }

  int finish_run(const EnrichmentRun& run, double seconds) {
    Report report;
    std::size_t lost = 0;
    for (const auto& id : run.enriched_ids()) {
      auto record = read_record(id);
      if (record) {
        report.add(std::move(*record));
      } else if (record.error().code() == Errc::not_found ||
                 record.error().code() == Errc::corrupt) {
        ++lost;
      } else {
        return fail(record.error());
      }
    }
    RunSummary summary;
    summary.read = run.read();
    summary.rejected = rejects_->count();
    summary.failed = run.failed() + lost;
    summary.reject_reasons = rejects_->reasons();
    summary.failure_reasons = run.failures();
    if (lost > 0) {
      summary.failure_reasons.push_back(
          {"its record is gone from the object store; enrich anew with --run NAME", "", lost, 0});
    }
    summary.seconds = seconds;
    summary.rejects_path = rejects_->path();

    auto written = write_report(run, report, summary);
    if (!written) return fail(written.error());
    summary.report_path = *written;
    summary.events_waiting = wait_for_events();
    std::fputs(summary_text(summary, report.statistics()).c_str(), stdout);
    std::fflush(stdout);
    const bool nothing = report.statistics().count() == 0 && summary.read > 0;
    return summary.failed > 0 || nothing ? kExitFailure : kExitSuccess;
  }

  Result<recruitment::AdRecord> read_record(const std::string& id) {
    const std::string key = recruitment::enriched_key(id);
    auto content = block_on(handlers_, parts_.objects->get(key));
    if (!content) return content.error().with_context("object store");
    auto json = JsonText::parse(std::move(*content));
    if (!json) return Error(Errc::corrupt, key + ": " + json.error().message());
    auto record = decode<recruitment::AdRecord>(*json);
    if (!record) return Error(Errc::corrupt, key + ": " + record.error().message());
    return record;
  }

  Result<std::string> write_report(const EnrichmentRun& run, const Report& report,
                                   const RunSummary& summary) {
    RunFacts facts;
    facts.run = run_name(configuration_, run.content_digest());
    facts.input = std::filesystem::path(configuration_.input).filename().string();
    facts.made_at = now_text();
    facts.read = summary.read;
    facts.rejected = summary.rejected;
    facts.failed = summary.failed;
    facts.problems = summary.reject_reasons;
    facts.problems.insert(facts.problems.end(), summary.failure_reasons.begin(),
                          summary.failure_reasons.end());
    if (facts.problems.size() > 20) facts.problems.resize(20);
    const std::string key = "reports/" + facts.run + ".html";
    storage::PutOptions options;
    options.content_type = "text/html; charset=utf-8";
    auto put = block_on(handlers_,
                        storage::put_with_digest(parts_.objects, key, report.html(facts), options));
    if (!put) return put.error().with_context("report");
    const auto url = Url::parse(configuration_.objects_url);
    if (url && url->scheme() == "file") return storage::object_file_path(url->path(), key);
    return key + " in " + (url ? url->masked() : configuration_.objects_url);
  }

  /// Waits until the events are delivered; answers how many jobs still carry some.
  std::size_t wait_for_events() {
    const auto until = Clock::now() + kEventsPatience;
    while (true) {
      std::size_t waiting = 0;
      const auto counts = client_->counts();
      if (!counts) return 0;
      for (const auto& queue : *counts) {
        const bool spooled = queue.queue.starts_with("collect/");
        if (queue.queue != jobs::kOutboxQueue && !spooled) continue;
        for (std::size_t i = 0; i < jobs::kJobStateCount; ++i) {
          const auto state = static_cast<jobs::JobState>(i);
          if (jobs::has_ended(state)) continue;
          // The job that runs as long as a lane has its forwarder carries no events.
          const bool has_lane = spooled && state == jobs::JobState::running && queue.states[i] > 0;
          waiting += static_cast<std::size_t>(queue.states[i]) - (has_lane ? 1 : 0);
        }
      }
      if (waiting == 0 || Clock::now() > until || signals_.wait(50ms) > 0) return waiting;
    }
  }

  const Configuration& configuration_;
  // Before the runtimes: their threads inherit the blocked signals.
  StopSignals signals_;
  std::shared_ptr<Trouble> trouble_ = std::make_shared<Trouble>();
  observability::Logger log_;
  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  SchemeRegistry schemes_;
  std::unique_ptr<AdReader> reader_;
  std::unique_ptr<RejectsFile> rejects_;
  Runtime control_{RuntimeOptions{.name = "rwp-control", .blocking_threads = 2}};
  Runtime handlers_{RuntimeOptions{.name = "rwp-handlers", .blocking_threads = 4}};
  HandlerParts parts_;
  std::shared_ptr<ai::Model> bare_model_;
  std::shared_ptr<AiTenants> tenants_;
  std::shared_ptr<jobs::JobStore> store_;
  SharedJobAdderParts jobadder_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<jobs::Worker> worker_;
  std::unique_ptr<jobs::Worker> batches_;
  EventSpool events_;
  std::vector<std::unique_ptr<Runtime>> http_;
  std::function<void()> end_waits_;
  std::unique_ptr<PodServer> server_;
  int stops_seen_ = 0;
  bool gave_up_ = false;
};

}  // namespace

int run_standalone(const Configuration& configuration, const MakeSchemes& make_schemes) {
  return Standalone(configuration, make_schemes).run();
}

}  // namespace rwp::pods
