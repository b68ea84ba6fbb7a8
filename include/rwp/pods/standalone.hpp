#pragma once

#include <rwp/pods/configuration.hpp>
#include <rwp/pods/pod.hpp>

namespace rwp::pods {

/// Runs the worker, AI, storage and analytics roles in this process; with `listen`, it serves what
/// the pods serve, on that port.
///
/// With an input it submits the adverts (each once, however often the command is run), enriches
/// them, and ends with a summary on standard output and an HTML report in the object store; lines
/// that are no adverts go to `rejects.jsonl` in the data directory. Without one it works on jobs
/// until SIGTERM or SIGINT, which let running jobs end within the grace; a second one stops at
/// once. What was killed is continued by the same command.
///
/// Answers an exit code; what went wrong stands in one line on standard error.
/// Threads: call it once, from the main thread, before other threads are started: it takes over the
/// two signals and ignores SIGPIPE.
int run_standalone(const Configuration& configuration,
                   const MakeSchemes& make_schemes = &builtin_schemes);

}  // namespace rwp::pods
