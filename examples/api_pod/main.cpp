/// Serves the jobs API: /v1/jobs and /v1/queues. See --help and docs/operations.md.

#include <rwp/pods/api_pod.hpp>

int main(int argc, char** argv) {
  return rwp::pods::run_program(rwp::pods::Role::api, argc, argv, &rwp::pods::run_api_pod);
}
