/// Looks at jobs, queues and keys, steers them, and checks what they stand on. See --help and
/// docs/rwpctl.md.

#include <rwp/pods/ctl.hpp>

int main(int argc, char** argv) { return rwp::pods::run_ctl(argc, argv); }
