#include <rwp/rwp.hpp>

#include <iostream>

struct Greet {
  std::string name;
  static constexpr std::string_view job_kind = "greet";
  static constexpr auto describe() { return std::tuple{rwp::field("name", &Greet::name)}; }
};

int main() {
  rwp::Runtime control, handlers;
  auto store = rwp::builtin_schemes().open<rwp::jobs::JobStore>("sqlite:jobs.db", control).value();

  rwp::jobs::Worker worker(store, handlers);
  worker.handle_blocking<Greet>([](Greet job, rwp::jobs::JobContext&) -> rwp::Result<std::string> {
    return "hello " + job.name;
  });
  worker.start();

  rwp::Client client(store);
  const auto submitted = client.submit(Greet{"world"}).value();  // Durable from here on.
  std::cout << client.result<std::string>(submitted.id, std::chrono::seconds(10)).value() << "\n";
}
