/// Collects events as Google Analytics 4 does, keeps them, and forwards them: /mp/collect. See
/// --help and docs/operations.md.

#include <rwp/pods/analytics_pod.hpp>

int main(int argc, char** argv) {
  return rwp::pods::run_program(rwp::pods::Role::analytics, argc, argv,
                                &rwp::pods::run_analytics_pod);
}
