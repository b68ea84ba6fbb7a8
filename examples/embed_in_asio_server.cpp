// A TCP server of its own that has its work done by custom_handler, durably: it counts each line.
//   embed_in_asio_server [PORT]   (any free one)
#include <rwp/rwp.hpp>

#include <boost/asio.hpp>

#include <iostream>

namespace asio = boost::asio;
using asio::ip::tcp;
using rwp::jobs::JobStore;

// On the store's own thread, where its calls belong.
asio::awaitable<std::string> count(std::shared_ptr<JobStore> store, std::string line) {
  std::vector<rwp::jobs::NewJob> jobs(1);
  jobs[0].kind = "text.count_words";
  jobs[0].payload = rwp::JsonWriter().begin_object().member("text", line).end_object().finish();
  auto inserted = co_await store->insert(std::move(jobs));
  if (!inserted || !inserted->front()) co_return "not accepted";
  std::vector<rwp::Uuid> ids{inserted->front()->id};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  auto ended = co_await store->wait_for_end(std::move(ids), deadline);
  if (!ended || !ended->front() || !ended->front()->result) co_return "no result";
  co_return ended->front()->result->str();
}

asio::awaitable<void> serve(tcp::acceptor& acceptor, std::shared_ptr<JobStore> store) {
  auto socket = co_await acceptor.async_accept(asio::use_awaitable);
  asio::co_spawn(socket.get_executor(), serve(acceptor, store), asio::detached);  // The next one.
  asio::streambuf read(65536);
  for (std::string line;;) {  // A connection that closes ends this by an exception.
    co_await asio::async_read_until(socket, read, '\n', asio::use_awaitable);
    std::getline(std::istream(&read), line);
    auto counted = rwp::on(store->runtime().executor(), count(store, line));
    const std::string answer = co_await std::move(counted) + "\n";  // Here again, on our thread.
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
  }
}

int main(int argc, char** argv) {
  rwp::Runtime control;  // The library's thread; the server keeps its own.
  auto store = rwp::builtin_schemes().open<JobStore>("sqlite:tutorial.db", control).value();
  asio::io_context context{1};
  const auto port = static_cast<asio::ip::port_type>(argc > 1 ? std::stoi(argv[1]) : 0);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
  std::cout << "listens on " << acceptor.local_endpoint() << std::endl;
  asio::co_spawn(context, serve(acceptor, store), asio::detached);
  context.run();
}
