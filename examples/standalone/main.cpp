/// Everything in one process on one machine: job store, worker, language model, object store and
/// events, each picked by a URL. See --help, and examples/quickstart.sh.

#include <rwp/builtin_schemes.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/pods/standalone.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

int run(const std::vector<std::string>& arguments) {
  const rwp::SchemeRegistry schemes = rwp::builtin_schemes();
  const auto parsed =
      rwp::pods::parse_configuration(arguments, rwp::pods::process_environment(), schemes);
  for (const auto& problem : parsed.problems) {
    std::fprintf(stderr, "standalone: %s\n", problem.c_str());
  }
  if (!parsed.problems.empty()) return rwp::pods::kExitUsage;
  if (parsed.answer) {
    std::fputs(parsed.answer->c_str(), stdout);
    return rwp::pods::kExitSuccess;
  }
  return rwp::pods::run_standalone(parsed.configuration);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "standalone: %s\n", error.what());
    return rwp::pods::kExitFailure;
  }
}
