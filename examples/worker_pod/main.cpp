/// Runs the jobs that api_pod takes in: enriches job adverts. See --help and docs/operations.md.

#include <rwp/pods/worker_pod.hpp>

int main(int argc, char** argv) {
  return rwp::pods::run_program(rwp::pods::Role::worker, argc, argv, &rwp::pods::run_worker_pod);
}
