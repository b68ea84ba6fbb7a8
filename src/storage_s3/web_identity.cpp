#include "storage_s3/fault.hpp"
#include "storage_s3/operations.hpp"
#include "storage_s3/signature.hpp"
#include "storage_s3/xml.hpp"
#include <rwp/core/async.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/net/retry.hpp>

#include <fstream>
#include <ios>
#include <utility>

namespace rwp::storage {
namespace {

/// Credentials that end sooner are asked for anew.
constexpr std::chrono::minutes kSoon{5};
constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kMostTokenBytes = 20'000;

class WebIdentityCredentials final : public S3CredentialsProvider {
 public:
  WebIdentityCredentials(std::shared_ptr<net::HttpTransport> transport, WebIdentityOptions options)
      : transport_(net::make_retrying_transport(std::move(transport), any_method())),
        options_(std::move(options)) {}

  boost::asio::awaitable<Result<S3Credentials>> credentials(bool rejected) override {
    const std::string refused = rejected ? known_.access_key_id : std::string();
    while (asking_) {
      const Wake wake = co_await answered_.wait_until(SteadyTime::max());
      if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "s3: asking was cancelled");
    }
    const bool is_good = !known_.access_key_id.empty() && known_.access_key_id != refused &&
                         std::chrono::system_clock::now() + kSoon < known_.expires_at;
    if (is_good) co_return known_;
    const Asking one(*this);
    auto sending = ask();
    auto fresh = co_await std::move(sending);
    if (!fresh) co_return fresh.error();
    known_ = std::move(*fresh);
    co_return known_;
  }

 private:
  /// Others wait meanwhile.
  class Asking {
   public:
    explicit Asking(WebIdentityCredentials& owner) : owner_(owner) { owner_.asking_ = true; }
    ~Asking() {
      owner_.asking_ = false;
      owner_.answered_.notify_all();
    }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;

   private:
    WebIdentityCredentials& owner_;
  };

  static net::RetryOptions any_method() {
    net::RetryOptions options;
    options.any_method = true;
    return options;
  }

  boost::asio::awaitable<Result<S3Credentials>> ask() {
    // STS takes 20,000 bytes at most; a file without an end, such as a device, is not read to it.
    std::ifstream file(options_.token_file, std::ios::binary);
    std::string token(kMostTokenBytes + 2, '\0');
    file.read(token.data(), static_cast<std::streamsize>(token.size()));
    token.resize(static_cast<std::size_t>(file.gcount()));
    while (token.ends_with('\n')) token.pop_back();
    if (token.empty() || token.size() > kMostTokenBytes) {
      co_return Error(Errc::unauthenticated,
                      "s3: web identity token file " + options_.token_file + ": holds no token");
    }
    net::HttpRequest request;
    request.method = "POST";
    request.url = options_.sts_url.empty() ? "https://sts." + options_.region + ".amazonaws.com/"
                                           : options_.sts_url;
    request.headers.add("content-type", "application/x-www-form-urlencoded");
    s3::Query form;
    form.emplace_back("Action", "AssumeRoleWithWebIdentity");
    form.emplace_back("Version", "2011-06-15");
    form.emplace_back("RoleArn", options_.role_arn);
    form.emplace_back("RoleSessionName", options_.session_name);
    form.emplace_back("WebIdentityToken", std::move(token));
    request.body = s3::query_text(form, false);
    request.deadline = std::chrono::steady_clock::now() + kPatience;
    request.max_response_bytes = std::size_t{256} << 10U;
    auto sending = transport_->send(std::move(request));
    const auto response = co_await std::move(sending);
    const std::string shown = "s3: role " + options_.role_arn;
    if (!response) co_return response.error().with_context(shown);
    co_return read(*response, shown);
  }

  static Result<S3Credentials> read(const net::HttpResponse& response, const std::string& shown) {
    const auto document = s3::parse_xml(response.body);
    if (response.status != 200) {
      s3::Fault fault;
      fault.status = response.status;
      const s3::XmlElement* error = document ? document->find("Error") : nullptr;
      if (error != nullptr) fault.code = error->value("Code");
      const Errc code = response.status >= 500 ? Errc::unavailable : Errc::unauthenticated;
      return Error(code, shown + ": the token service answers " + std::to_string(fault.status) +
                             " " + fault.code.substr(0, 100));
    }
    const s3::XmlElement* result =
        document ? document->find("AssumeRoleWithWebIdentityResult") : nullptr;
    const s3::XmlElement* found = result != nullptr ? result->find("Credentials") : nullptr;
    if (found == nullptr) {
      return Error(Errc::corrupt, shown + ": the token service gives no credentials");
    }
    S3Credentials credentials;
    credentials.access_key_id = found->value("AccessKeyId");
    credentials.secret_access_key = Secret(std::string(found->value("SecretAccessKey")));
    credentials.session_token = Secret(std::string(found->value("SessionToken")));
    credentials.expires_at = s3::read_iso_time(found->value("Expiration"));
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() ||
        !credentials.expires_at) {
      return Error(Errc::corrupt, shown + ": the token service gives credentials in part");
    }
    return credentials;
  }

  const std::shared_ptr<net::HttpTransport> transport_;
  const WebIdentityOptions options_;
  S3Credentials known_;
  bool asking_ = false;
  Signal answered_;
};

}  // namespace

std::shared_ptr<S3CredentialsProvider> make_web_identity_credentials(
    std::shared_ptr<net::HttpTransport> transport, WebIdentityOptions options) {
  return std::make_shared<WebIdentityCredentials>(std::move(transport), std::move(options));
}

}  // namespace rwp::storage
