#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/typed.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <type_traits>
#include <utility>

/// How handlers with described structs become handlers of JSON; for Worker and its test doubles.
namespace rwp::jobs {

/// A handler that awaits; runs on the handlers runtime's I/O thread. What it answers is the job's
/// result. A failure that is `retryable()` is tried again after a backoff, any other is for good;
/// what it throws counts as a retryable failure with the exception's text.
using CoroutineHandler = std::function<boost::asio::awaitable<Result<JsonText>>(JobContext&)>;
/// A handler that blocks or computes; runs on the handlers runtime's pool.
using BlockingHandler = std::function<Result<JsonText>(JobContext&)>;

namespace typed_detail {

template <class R>
JsonText encode_result(const Result<R>& result) {
  if constexpr (std::is_void_v<R>) {
    return JsonText();
  } else {
    return encode(*result);
  }
}

template <JobArguments T, class Function>
boost::asio::awaitable<Result<JsonText>> run_typed(const Function* function, JobContext& context) {
  auto arguments = context.payload<T>();
  if (!arguments) co_return arguments.error().with_context("payload");
  auto operation = (*function)(std::move(*arguments), context);
  auto result = co_await std::move(operation);
  if (!result) co_return result.error();
  co_return encode_result(result);
}

}  // namespace typed_detail

/// `function` is called as `Awaitable<Result<R>>(T arguments, JobContext& context)`, constantly. A
/// payload that is no `T` fails the job for good; the error names the member and the rule.
template <JobArguments T, class Function>
CoroutineHandler typed_handler(Function function) {
  // A plain function object, kept by the worker; the coroutine's own frame holds no capture.
  return [function = std::move(function)](JobContext& context) {
    return typed_detail::run_typed<T, Function>(&function, context);
  };
}

/// As above; `function` is called as `Result<R>(T arguments, JobContext& context)`.
template <JobArguments T, class Function>
BlockingHandler typed_blocking_handler(Function function) {
  return [function = std::move(function)](JobContext& context) -> Result<JsonText> {
    auto arguments = context.payload<T>();
    if (!arguments) return arguments.error().with_context("payload");
    auto result = function(std::move(*arguments), context);
    if (!result) return result.error();
    return typed_detail::encode_result(result);
  };
}

}  // namespace rwp::jobs
