#include "testing/run_here.hpp"

#include "jobs/worker/outcome.hpp"
#include <rwp/core/async.hpp>

#include <boost/asio/io_context.hpp>

namespace rwp::testing {
namespace {

boost::asio::awaitable<void> drive(const jobs::CoroutineHandler* handler, jobs::JobContext* context,
                                   Result<JsonText>* result) {
  try {
    auto operation = (*handler)(*context);
    *result = co_await std::move(operation);
  } catch (...) {
    *result = jobs::thrown_error();
  }
}

}  // namespace

Result<JsonText> run_here(const jobs::CoroutineHandler& handler, jobs::JobContext& context) {
  boost::asio::io_context here;
  Result<JsonText> result;
  spawn(here.get_executor(), drive(&handler, &context, &result));
  here.run();
  return result;
}

Result<JsonText> run_here(const jobs::BlockingHandler& handler, jobs::JobContext& context) {
  try {
    return handler(context);
  } catch (...) {
    return jobs::thrown_error();
  }
}

}  // namespace rwp::testing
