#pragma once

#include "storage_s3/address.hpp"
#include "storage_s3/fault.hpp"
#include "storage_s3/pace.hpp"
#include "storage_s3/signature.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/storage_s3/s3_object_store.hpp>

#include <list>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace rwp::storage::s3 {

/// What is sent, and held for further attempts.
struct Payload {
  std::string bytes{};
  /// Raw. Empty: not counted.
  std::string md5{};
  /// In hexadecimal, or kUnsignedPayload.
  std::string sha256{};
};

/// One request, before it is signed.
struct Call {
  std::string method = "GET";
  /// With the store's prefix; empty: the bucket.
  std::string key{};
  Query query{};
  /// Those that are signed.
  net::HttpHeaders headers{};
  /// May be null.
  std::shared_ptr<const Payload> payload{};
  std::size_t max_response_bytes = std::size_t{4} << 20U;
  /// An answer of 200 may have an <Error> for a body.
  bool may_fail_with_200 = false;
};

/// The last attempt's answer.
struct Answer {
  net::HttpResponse response{};
  /// The answer refuses; what its remedies could do has been tried.
  std::optional<Fault> fault{};
  /// An attempt before may have been carried out though its answer says, or none came, otherwise.
  bool is_repeated = false;
};

/// Signs, sends, and tries again what may pass.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: shared with its calls.
class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Runtime& runtime, std::shared_ptr<net::HttpTransport> transport,
         std::shared_ptr<S3CredentialsProvider> credentials, S3StorageOptions options,
         Address address);

  const S3StorageOptions& options() const noexcept { return options_; }
  const Address& address() const noexcept { return address_; }
  /// The value of If-Match. Ceph takes an etag for the condition of a put without quotes alone,
  /// which is found out by a refusal of what stands.
  std::string condition(const std::string& etag) const {
    return has_bare_conditions_ ? etag : "\"" + etag + "\"";
  }
  bool has_bare_conditions() const noexcept { return has_bare_conditions_; }
  void set_bare_conditions() noexcept { has_bare_conditions_ = true; }

  boost::asio::any_io_executor executor() const { return executor_; }
  boost::asio::any_io_executor pool() const { return pool_; }

  /// Hashes the bytes, on the pool when they are many.
  boost::asio::awaitable<std::shared_ptr<const Payload>> payload(std::string bytes);

  boost::asio::awaitable<Result<Answer>> send(Call call);

  boost::asio::awaitable<Result<std::string>> presign(std::string method, std::string key,
                                                      std::chrono::seconds expires_in);

 private:
  /// A request's place among those under way.
  class Place;
  /// A request's place among those that wait.
  class Waiting;
  /// What a call has tried.
  struct Tried {
    unsigned attempts = 0;
    bool credentials_rejected = false;
    /// Newer ones are to be asked for, once: those that come are good for the next attempts.
    bool ask_anew = false;
    bool clock = false;
    unsigned moves = 0;
    std::optional<std::chrono::milliseconds> told{};
  };

  boost::asio::awaitable<Result<std::unique_ptr<Place>>> wait_for_room();
  void let_next_in();
  boost::asio::awaitable<Result<net::HttpResponse>> attempt(Call call, S3Credentials credentials,
                                                            std::unique_ptr<Place> place);
  net::HttpRequest request_of(const Call& call, const S3Credentials& credentials);
  /// Whether another attempt may do better.
  bool remedy(const Fault& fault, const net::HttpResponse& response, Tried& tried);
  bool set_clock(const net::HttpResponse& response, std::chrono::system_clock::duration least);
  boost::asio::awaitable<Result<bool>> wait_to_try_again(Tried tried);
  void count_retry(const char* reason);
  std::chrono::system_clock::time_point server_time() const { return options_.now() + skew_; }

  const boost::asio::any_io_executor executor_;
  const boost::asio::any_io_executor pool_;
  const std::shared_ptr<net::HttpTransport> transport_;
  const std::shared_ptr<S3CredentialsProvider> credentials_;
  const S3StorageOptions options_;
  Address address_;
  Signer signer_;
  bool has_bare_conditions_ = false;
  Pace pace_;
  /// Those who wait for a place, first come first.
  std::list<std::shared_ptr<Signal>> waiting_;
  std::minstd_rand random_{std::random_device()()};
  /// The server's clock less ours.
  std::chrono::system_clock::duration skew_{0};
};

}  // namespace rwp::storage::s3
