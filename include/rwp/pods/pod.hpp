#pragma once

#include <rwp/builtin_schemes.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/server/health.hpp>
#include <rwp/server/router.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rwp::pods {

/// What a role puts into its pod.
struct PodService {
  server::Router router{};
  /// Asked by /ready. Called on the server's I/O threads.
  std::vector<server::Dependency> dependencies{};
  /// Begins the end of the role's own work (a worker's runs) and returns; called when the drain
  /// begins, and again for each further signal, which means: at once. Called on the main thread.
  std::function<void()> drain{};
  /// Whether the role's own work has ended; waits for that, at most until `deadline`. Unset: there
  /// is none. Called on the main thread.
  std::function<bool(SteadyTime deadline)> wait_drained{};
};

/// Makes the registry of a program's schemes: builtin_schemes(), and what the program adds.
using MakeSchemes = std::function<SchemeRegistry(BuiltinOptions options)>;

/// What the settings say about parts that are opened by URL: their keys.
BuiltinOptions builtin_options(const Configuration& configuration);

/// The process around a role: signals, log, metrics, I/O threads, server, health, drain, exit code.
///
/// Parts that are made with its runtimes go before it. Threads: made and used on the main thread,
/// before any other is started.
class PodProcess {
 public:
  PodProcess(Configuration configuration, const MakeSchemes& make_schemes);
  ~PodProcess();
  PodProcess(const PodProcess&) = delete;
  PodProcess& operator=(const PodProcess&) = delete;

  const Configuration& configuration() const noexcept;
  const SchemeRegistry& schemes() const noexcept;
  const observability::Logger& log() const noexcept;
  const std::shared_ptr<observability::Metrics>& metrics() const noexcept;
  /// Where finished spans go; null: nowhere.
  std::shared_ptr<observability::SpanExporter> spans() const noexcept;

  /// The runtimes on which the server's handlers run, `http_threads` of them.
  const std::vector<Runtime*>& io() const noexcept;
  /// For parts that all of them share, such as the job store: the I/O runtime itself when there is
  /// one, so that no call changes threads, else one of its own. Reach them through on().
  Runtime& control() noexcept;

  /// Opens the part that `url` names; an error says what and where. Makes the data directory when
  /// it is missing and the part lies in it.
  template <class Interface>
  Result<std::shared_ptr<Interface>> open(const char* what, const std::string& url,
                                          Runtime& runtime) {
    if (auto made = make_data_directory(url); !made) return made.error();
    auto opened = schemes().open<Interface>(url, runtime);
    if (!opened) return told(what, url, opened.error());
    return opened;
  }

  /// Serves until SIGTERM or SIGINT, then drains: /ready says no for `drain_delay`, idle
  /// connections are closed, requests and the role's own work may end within `drain_grace`. A
  /// further signal ends at once. Answers the exit code; why it could not serve (a port in use)
  /// stands in one line on standard error.
  int serve(PodService service);

  /// One line on standard error: "api_pod: …". Answers kExitFailure.
  int fail(const Error& error) const;

 private:
  void open_spans();
  Result<void> make_data_directory(const std::string& url) const;
  static Error told(const char* what, const std::string& url, const Error& error);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Opens the role's parts and serves them; answers the exit code.
using RunPod = std::function<int(PodProcess& pod)>;

/// The whole of a program's main(): reads flags and environment, tells what is wrong with them,
/// answers --help and its like, makes the process and runs the role in it.
///
///     int main(int argc, char** argv) {
///       return rwp::pods::run_program(rwp::pods::Role::api, argc, argv, &rwp::pods::run_api_pod);
///     }
int run_program(Role role, int argc, char** argv, const RunPod& run,
                const MakeSchemes& make_schemes = &builtin_schemes);

}  // namespace rwp::pods
