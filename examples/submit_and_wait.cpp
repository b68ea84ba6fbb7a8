// Submits a job to a file that custom_handler works on, and shows how it goes.
//   submit_and_wait [TEXT [URL]]   (sqlite:tutorial.db)
#include <rwp/rwp.hpp>

#include <iostream>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  auto opened =
      rwp::Client::open(argc > 2 ? argv[2] : "sqlite:tutorial.db", rwp::builtin_schemes());
  if (!opened) {
    std::cerr << "cannot open the store: " << opened.error().to_string() << "\n";
    return 1;
  }
  rwp::Client& client = *opened;

  rwp::JsonWriter payload;
  payload.begin_object().member("text", argc > 1 ? argv[1] : "as many words as you like");
  rwp::jobs::NewJob job;
  job.kind = "text.count_words";
  job.payload = payload.end_object().finish();
  job.max_attempts = 3;
  job.tags = {"tutorial"};

  const auto submitted = client.submit(std::move(job));
  if (!submitted) {  // The message names the field and the rule.
    std::cerr << "refused: " << submitted.error().to_string() << "\n";
    return 1;
  }
  std::cout << "durable: " << submitted->id.to_string() << std::endl;

  while (!client.wait(submitted->id, 100ms)) {
    const auto now = client.get(submitted->id).value();
    std::cout << rwp::enum_name(now.state) << ", " << static_cast<int>(now.progress * 100)
              << " %\n";
  }
  const auto result = client.result_text(submitted->id, 0ms);
  if (!result) {
    std::cerr << "failed: " << result.error().to_string() << "\n";
    return 1;
  }
  std::cout << "result: " << result->view() << "\n";
}
