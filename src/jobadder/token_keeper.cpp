#include "jobadder/connection_record.hpp"
#include <rwp/core/uuid.hpp>
#include <rwp/jobadder/token_keeper.hpp>

#include <algorithm>
#include <cassert>
#include <exception>
#include <utility>

namespace rwp::jobadder {
namespace {

using boost::asio::awaitable;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

/// How often the cell is looked at while another process refreshes.
constexpr auto kLookEvery = 250ms;
/// A failure is answered to who asks within so long, instead of trying again for each.
constexpr auto kFailureHolds = 2s;
/// How long what was exchanged is tried to be written; it is lost with the process otherwise.
constexpr auto kSavePatience = 10min;
constexpr int kExchanges = 4;

Error signed_out(const std::string& why) {
  return Error(Errc::unauthenticated,
               "the connection to JobAdder is broken (" + why + "): somebody must sign in again");
}

}  // namespace

struct TokenKeeper::Impl : std::enable_shared_from_this<Impl> {
  Impl(Runtime& runtime, TokenKeeperOptions given)
      : executor(runtime.executor()), options(std::move(given)) {}

  auto now() const { return options.now(); }
  /// Before then nothing is refreshed.
  std::chrono::system_clock::time_point due() const {
    const auto& tokens = current->tokens;
    return tokens.issued_at + (tokens.expires_at - tokens.issued_at) * 4 / 5;
  }
  bool is_good(std::uint64_t least) const {
    return current && current->generation >= least && now() < current->tokens.expires_at;
  }
  Access answer() const {
    return Access{current->tokens.access, current->tokens.api_url, current->generation};
  }
  void count(const char* name) const {
    if (!options.metrics) return;
    options.metrics
        ->counter("rwp_jobadder_token_refreshes_total",
                  "Refreshes of JobAdder's tokens by this process, by outcome.",
                  {{"outcome", name}})
        .add();
  }

  awaitable<Result<Access>> access(std::uint64_t least, SteadyTime deadline);
  void start(std::uint64_t least);
  static awaitable<void> run(std::shared_ptr<Impl> self, std::uint64_t least);
  awaitable<Result<void>> refresh(std::uint64_t least);
  awaitable<Result<void>> refresh_with_lease(ConnectionRecord record, std::string version);
  awaitable<Result<Tokens>> exchange(Secret token);
  awaitable<Result<void>> save(ConnectionRecord record, std::string version);
  awaitable<Result<void>> give_up(ConnectionRecord record, std::string version, Error why);
  awaitable<Result<ConnectionRecord>> load(std::string* version);
  void adopt(ConnectionRecord record) {
    if (!current || record.generation > current->generation) current = std::move(record);
  }

  const boost::asio::any_io_executor executor;
  const TokenKeeperOptions options;
  const std::string holder = Uuid::make_v7().to_string();
  std::optional<ConnectionRecord> current;
  bool running = false;
  Signal ended;
  Result<void> outcome;
  SteadyTime ended_at{};
};

awaitable<Result<ConnectionRecord>> TokenKeeper::Impl::load(std::string* version) {
  auto cell = co_await options.state->get(options.name);
  if (!cell && cell.error().code() == Errc::not_found) {
    co_return Error(Errc::unauthenticated, "nobody has signed in to JobAdder yet");
  }
  if (!cell) co_return cell.error().with_context("JobAdder's tokens");
  auto record = read_connection(cell->text, options.oauth.client_secret, options.name);
  if (!record) co_return record.error().with_context("JobAdder's tokens");
  *version = std::move(cell->version);
  co_return std::move(*record);
}

awaitable<Result<Access>> TokenKeeper::Impl::access(std::uint64_t least, SteadyTime deadline) {
  if (is_good(least) && now() < due()) co_return answer();
  const bool just_failed = !outcome && SteadyClock::now() - ended_at < kFailureHolds;
  if (!just_failed) start(least);
  // While the old one is good, nobody waits for the new one.
  if (is_good(least)) co_return answer();
  while (running) {
    const Wake woken = co_await ended.wait_until(deadline);
    if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "cancelled at a token");
    if (is_good(least)) co_return answer();
    if (woken == Wake::timed_out) {
      co_return Error(Errc::deadline_exceeded, "no token came from JobAdder in time");
    }
  }
  if (!outcome) co_return outcome.error();
  co_return Error(Errc::unavailable, "JobAdder's token has expired as soon as it came");
}

void TokenKeeper::Impl::start(std::uint64_t least) {
  if (std::exchange(running, true)) return;
  auto operation = run(shared_from_this(), least);
  spawn(executor, std::move(operation), [](const std::exception_ptr&) {});
}

awaitable<void> TokenKeeper::Impl::run(std::shared_ptr<Impl> self, std::uint64_t least) {
  Result<void> done = Error(Errc::internal, "the refresh of a token was broken off");
  try {
    done = co_await self->refresh(least);
  } catch (const std::exception& thrown) {
    done = Error(Errc::internal, std::string("the refresh of a token threw: ") + thrown.what());
  }
  if (!done) {
    self->options.log.warn("no new token from JobAdder", {{"error", done.error().to_string()}});
  }
  self->outcome = std::move(done);
  self->ended_at = SteadyClock::now();
  self->running = false;
  self->ended.notify_all();
}

/// Until there is a good token of generation `least` or later: this process's, or another's.
awaitable<Result<void>> TokenKeeper::Impl::refresh(std::uint64_t least) {
  const SteadyTime patience = SteadyClock::now() + 4 * options.lease;
  while (SteadyClock::now() < patience) {
    std::string version;
    auto record = co_await load(&version);
    if (!record) co_return record.error();
    if (!record->broken.empty()) co_return signed_out(record->broken);
    adopt(*record);
    if (is_good(least) && now() < due()) co_return Result<void>();
    if (record->tokens.refresh.empty()) {
      co_return signed_out("it was made without offline_access, and has expired");
    }
    const bool taken = !record->lease_holder.empty() && record->lease_holder != holder &&
                       now() < record->lease_until;
    if (taken) {
      if (auto slept = co_await sleep_for(kLookEvery); !slept) co_return slept.error();
      continue;
    }
    record->lease_holder = holder;
    record->lease_until = now() + options.lease;
    auto text = write_connection(*record, options.oauth.client_secret, options.name);
    auto written = co_await options.state->put(options.name, std::move(text), std::move(version));
    if (written) {
      auto refreshed = co_await refresh_with_lease(std::move(*record), std::move(*written));
      co_return refreshed;
    }
    // Of two who come at once one writes; the other sees what has become of it.
    if (written.error().code() != Errc::conflict) co_return written.error();
  }
  co_return Error(Errc::unavailable, "other processes hold the refresh of JobAdder's token");
}

awaitable<Result<Tokens>> TokenKeeper::Impl::exchange(Secret token) {
  // Within the lease, and with room to write what comes.
  const SteadyTime deadline = SteadyClock::now() + options.lease * 2 / 3;
  auto wait = std::chrono::milliseconds(200);
  for (int attempt = 1;; ++attempt) {
    auto fresh = co_await refresh_tokens(options.transport, options.oauth, token, deadline);
    if (fresh) co_return fresh;
    const Error error = fresh.error();
    if (!error.retryable() || attempt == kExchanges) co_return error;
    wait = std::max(wait, error.retry_after().value_or(wait));
    if (SteadyClock::now() + wait >= deadline) co_return error;
    // An answer that was lost may have used the token up; nothing else can be tried.
    if (auto slept = co_await sleep_for(wait); !slept) co_return slept.error();
    wait *= 2;
  }
}

awaitable<Result<void>> TokenKeeper::Impl::refresh_with_lease(ConnectionRecord record,
                                                              std::string version) {
  auto fresh = co_await exchange(record.tokens.refresh);
  if (!fresh) {
    auto given_up = co_await give_up(std::move(record), std::move(version), fresh.error());
    co_return given_up;
  }
  ConnectionRecord next = record;
  next.generation = record.generation + 1;
  next.tokens = std::move(*fresh);
  // An answer without one leaves the old one good (RFC 6749, section 6).
  if (next.tokens.refresh.empty()) next.tokens.refresh = record.tokens.refresh;
  if (next.tokens.account.empty()) next.tokens.account = record.tokens.account;
  if (next.tokens.instance.empty()) next.tokens.instance = record.tokens.instance;
  next.lease_holder.clear();
  auto saved = co_await save(std::move(next), std::move(version));
  co_return saved;
}

/// Writes what was exchanged, whoever has written since: only something newer stands above it.
awaitable<Result<void>> TokenKeeper::Impl::save(ConnectionRecord record, std::string version) {
  const SteadyTime patience = SteadyClock::now() + kSavePatience;
  auto wait = std::chrono::milliseconds(50);
  while (true) {
    auto text = write_connection(record, options.oauth.client_secret, options.name);
    auto written = co_await options.state->put(options.name, std::move(text), version);
    if (written) {
      count("refreshed");
      options.log.info("JobAdder's token refreshed", {{"generation", record.generation}});
      adopt(std::move(record));
      co_return Result<void>();
    }
    Error error = written.error();
    if (error.code() == Errc::conflict) {
      auto standing = co_await load(&version);
      if (standing && standing->generation >= record.generation) {
        // Somebody has signed in anew, or this write had reached the store after all.
        adopt(std::move(*standing));
        co_return Result<void>();
      }
      if (standing) continue;
      error = standing.error();
    }
    if (SteadyClock::now() > patience) {
      count("not_saved");
      options.log.error("JobAdder's new token could not be saved; somebody must sign in again",
                        {{"error", error.to_string()}});
      co_return error;
    }
    if (auto slept = co_await sleep_for(wait); !slept) co_return slept.error();
    wait = std::min<std::chrono::milliseconds>(wait * 2, 2s);
  }
}

/// The lease ends; what was refused is told to all, unless somebody has got something newer.
awaitable<Result<void>> TokenKeeper::Impl::give_up(ConnectionRecord record, std::string version,
                                                   Error why) {
  const bool refused = why.code() == Errc::unauthenticated;
  record.lease_holder.clear();
  if (refused) record.broken = why.message();
  auto text = write_connection(record, options.oauth.client_secret, options.name);
  auto written = co_await options.state->put(options.name, std::move(text), std::move(version));
  if (!written && written.error().code() == Errc::conflict) {
    std::string standing_version;
    auto standing = co_await load(&standing_version);
    if (standing && standing->broken.empty() && standing->generation > record.generation) {
      adopt(std::move(*standing));
      co_return Result<void>();
    }
  }
  count(refused ? "refused" : "failed");
  if (!refused) co_return why;
  options.log.error("JobAdder refuses the refresh token; somebody must sign in again",
                    {{"error", why.message()}});
  co_return signed_out(why.message());
}

TokenKeeper::TokenKeeper(Runtime& runtime, TokenKeeperOptions options)
    : impl_(std::make_shared<Impl>(runtime, std::move(options))) {
  assert(impl_->options.transport && impl_->options.state);
}

TokenKeeper::~TokenKeeper() = default;

awaitable<Result<Access>> TokenKeeper::access(SteadyTime deadline) {
  const auto impl = impl_;
  auto found = co_await impl->access(0, deadline);
  co_return found;
}

awaitable<Result<Access>> TokenKeeper::renew(std::uint64_t refused, SteadyTime deadline) {
  const auto impl = impl_;
  auto found = co_await impl->access(refused + 1, deadline);
  co_return found;
}

awaitable<Result<void>> TokenKeeper::keep(Tokens tokens) {
  const auto impl = impl_;
  const auto& options = impl->options;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string version;
    ConnectionRecord record;
    auto cell = co_await options.state->get(options.name);
    if (cell) {
      version = cell->version;
      // What cannot be read is replaced: it is of another client, or damaged.
      auto standing = read_connection(cell->text, options.oauth.client_secret, options.name);
      // Above whatever that was, and above what a refresh under way will write.
      const auto above = standing ? standing->generation + 2 : std::uint64_t{1} << 32U;
      record.generation = above;
    } else if (cell.error().code() == Errc::not_found) {
      record.generation = 1;
    } else {
      co_return cell.error();
    }
    record.tokens = tokens;
    auto text = write_connection(record, options.oauth.client_secret, options.name);
    auto written = co_await options.state->put(options.name, std::move(text), std::move(version));
    if (written) {
      impl->current = std::move(record);
      impl->outcome = Result<void>();
      co_return Result<void>();
    }
    if (written.error().code() != Errc::conflict) co_return written.error();
  }
  co_return Error(Errc::unavailable, "JobAdder's tokens are being written by others all the time");
}

awaitable<Result<ConnectionStatus>> TokenKeeper::status() {
  const auto impl = impl_;
  auto cell = co_await impl->options.state->get(impl->options.name);
  if (!cell) co_return cell.error();
  auto record = read_connection(cell->text, impl->options.oauth.client_secret, impl->options.name);
  if (!record) co_return record.error();
  ConnectionStatus status;
  status.generation = record->generation;
  status.api_url = record->tokens.api_url;
  status.instance = record->tokens.instance;
  status.account = record->tokens.account;
  status.issued_at = record->tokens.issued_at;
  status.expires_at = record->tokens.expires_at;
  status.broken = record->broken;
  co_return status;
}

}  // namespace rwp::jobadder
