/// Serves a model as OpenAI does: /v1/chat/completions, /v1/embeddings and /v1/models. See --help
/// and docs/operations.md.

#include <rwp/pods/ai_pod.hpp>

int main(int argc, char** argv) {
  return rwp::pods::run_program(rwp::pods::Role::ai, argc, argv, &rwp::pods::run_ai_pod);
}
