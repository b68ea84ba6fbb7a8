#pragma once

#include <rwp/pods/configuration.hpp>
#include <rwp/pods/pod.hpp>

namespace rwp::pods {

/// Exit codes of rwpctl beside kExitSuccess, kExitFailure and kExitUsage; see docs/rwpctl.md.
constexpr int kExitNotFound = 3;     ///< What was named is not there.
constexpr int kExitUnreachable = 4;  ///< The store, or the server, does not answer.
constexpr int kExitRefused = 5;      ///< The key is missing or wrong, or may not do this.
constexpr int kExitFindings = 6;     ///< verify found damage; doctor found something to fix.
constexpr int kExitJobsFailed = 7;   ///< Jobs that were waited for failed or were cancelled.
constexpr int kExitTimedOut = 8;     ///< Jobs that were waited for have not ended in time.
constexpr int kExitRejected = 9;     ///< Lines were refused; the others have been submitted.

/// The whole of rwpctl's main(): reads commands, flags and environment, does what they ask on the
/// job store, or through an API pod, and answers the exit code.
///
/// Results go to standard output; messages and progress bars (only on a terminal) to standard
/// error. Threads: call it once, from the main thread.
int run_ctl(int argc, char** argv, const MakeSchemes& make_schemes = &builtin_schemes);

}  // namespace rwp::pods
