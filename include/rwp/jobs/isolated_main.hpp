#pragma once

#include <rwp/jobs/typed_handler.hpp>

#include <map>
#include <string>

/// How a program becomes a child of rwp/jobs/isolated.hpp.
namespace rwp::jobs {

/// Runs the jobs that come over standard input until it ends, and gives the program's exit code:
///
///     int main() {
///       return rwp::jobs::isolated_main(
///           {{"thumbnail.make", rwp::jobs::typed_blocking_handler<MakeThumbnail>(make)}});
///     }
///
/// Handlers are those of Worker::handle_blocking() and see the same JobContext. One runs at a time,
/// in the calling thread; a second thread hears the word to stop. When the worker is gone, so that
/// the input ends, the process ends at once.
/// Standard output belongs to the protocol: what a handler prints there goes to standard error.
/// An allocation that fails ends the process as out of memory.
int isolated_main(std::map<std::string, BlockingHandler> handlers);

}  // namespace rwp::jobs
