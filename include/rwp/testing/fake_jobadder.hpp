#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace rwp::testing {

/// How often the fake misbehaves: every so many requests of the API; 0: never.
struct FakeJobAdderFaults {
  /// 429, within the limit, too.
  std::uint64_t throttle_every = 0;
  /// What Retry-After says, of each 429.
  std::chrono::seconds throttle_wait{1};
  /// 503.
  std::uint64_t error_every = 0;
  /// The connection ends without an answer; the request has been carried out.
  std::uint64_t reset_every = 0;
  /// The answer breaks off in its middle.
  std::uint64_t cut_every = 0;
  /// The answer takes `slow` longer.
  std::uint64_t slow_every = 0;
  std::chrono::milliseconds slow{500};
  /// 401, and the token is good no more.
  std::uint64_t expire_every = 0;
  /// Of pages of candidates: one that an earlier page had shown is deleted, so that those behind it
  /// move to the front; and one is updated.
  std::uint64_t shift_every = 0;
};

struct FakeJobAdderOptions {
  /// Port 0: a free one.
  std::string listen = "127.0.0.1:0";
  /// PEM; with both, TLS alone.
  std::string tls_certificate_file{};
  std::string tls_key_file{};
  std::string client_id = "fake-client";
  Secret client_secret{"fake-client-secret"};
  /// Records at the start. Ids from 1; every third candidate has a résumé; application n is of
  /// candidate n for advert n, modulo how many there are.
  std::size_t job_ads = 20;
  std::size_t candidates = 50;
  std::size_t applications = 30;
  /// Requests of the API in any minute, wherever it begins; 0: no limit.
  std::uint64_t requests_per_minute = 0;
  std::chrono::seconds token_life{3'600};
  /// How long the token endpoint takes.
  std::chrono::milliseconds token_delay{0};
  FakeJobAdderFaults faults{};
  observability::Logger log{};
};

/// What the fake has counted.
struct FakeJobAdderCounts {
  /// Of the API, refused ones too.
  std::uint64_t requests = 0;
  /// Beyond the limit.
  std::uint64_t over_rate = 0;
  /// Most in any minute.
  std::uint64_t most_in_minute = 0;
  /// 429s, all.
  std::uint64_t throttled = 0;
  /// Exchanges that gave tokens, and refresh tokens that had been used before.
  std::uint64_t exchanges = 0;
  std::uint64_t refused_refreshes = 0;
  std::uint64_t unauthorised = 0;
  std::uint64_t shifts = 0;
  std::uint64_t notes = 0;
};

/// A JobAdder over real HTTP, or TLS, for tests: sign-in without a person, refresh tokens that are
/// good for one use, paged lists with filters and sorting, records, attachments, notes, webhooks,
/// a limit, and misbehaviour on demand.
///
/// By HTTP, without a token: GET /_fake/counts; GET /_fake/notes; GET /_fake/ids/{candidates,
/// jobads,applications,placements}; POST /_fake/touch/{entity}/{id}; DELETE /_fake/candidates/{id};
/// POST /_fake/applications/{id}/status/{New,Interview,Rejected,…}, …/client/{browser's id}, and
/// …/place, which approves a placement and answers its id;
/// POST /_fake/webhooks/{status}, for all; POST /_fake/deliver?event=…&id=…&times=…, which answers
/// the statuses that the webhooks' receivers gave; POST /_fake/expire, of all access tokens;
/// POST /_fake/calm ends the faults.
/// Threads: any. Lifetime: owns its server and runtimes; what is in flight ends with it.
class FakeJobAdder {
 public:
  /// `Errc::unavailable`: the address is in use.
  static Result<std::unique_ptr<FakeJobAdder>> start(
      FakeJobAdderOptions options = FakeJobAdderOptions());
  ~FakeJobAdder();
  FakeJobAdder(const FakeJobAdder&) = delete;
  FakeJobAdder& operator=(const FakeJobAdder&) = delete;

  /// "https://localhost:PORT".
  std::string base_url() const;
  std::string authorize_url() const { return base_url() + "/connect/authorize"; }
  std::string token_url() const { return base_url() + "/connect/token"; }

  FakeJobAdderCounts counts() const;
  /// A code, as the browser would bring it back.
  Secret new_code();
  /// Access tokens that were given are good no more.
  void expire_tokens();
  void set_faults(FakeJobAdderFaults faults);
  /// Updates a candidate now.
  void touch_candidate(std::int64_t id);
  void delete_candidate(std::int64_t id);
  std::int64_t add_candidate();

 private:
  struct Impl;
  explicit FakeJobAdder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp::testing
