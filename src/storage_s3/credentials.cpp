#include <rwp/storage_s3/credentials.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace rwp::storage {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20U;

class FixedCredentials final : public S3CredentialsProvider {
 public:
  explicit FixedCredentials(S3Credentials credentials) : credentials_(std::move(credentials)) {}

  boost::asio::awaitable<Result<S3Credentials>> credentials(bool) override {
    if (credentials_.access_key_id.empty() || credentials_.secret_access_key.empty()) {
      co_return Error(Errc::unauthenticated,
                      "s3: no credentials; there are neither keys (AWS_ACCESS_KEY_ID and "
                      "AWS_SECRET_ACCESS_KEY), nor a role with a token, nor a credentials file");
    }
    co_return credentials_;
  }

 private:
  const S3Credentials credentials_;
};

/// A small file; reading it is not worth another thread.
Result<std::string> read_small_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Error(Errc::unauthenticated,
                 "s3: there are neither keys (AWS_ACCESS_KEY_ID) nor a role (AWS_ROLE_ARN), and "
                 "credentials file " +
                     path + ": " + std::strerror(errno));
  }
  std::string text(kMaxFileBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

class ProfileCredentials final : public S3CredentialsProvider {
 public:
  ProfileCredentials(std::string path, std::string profile)
      : path_(std::move(path)), profile_(std::move(profile)) {}

  boost::asio::awaitable<Result<S3Credentials>> credentials(bool rejected) override {
    if (rejected || known_.access_key_id.empty()) {
      const auto text = read_small_file(path_);
      if (!text) co_return text.error();
      auto read = read_s3_profile(*text, profile_);
      if (!read) co_return read.error().with_context("s3: credentials file " + path_);
      known_ = std::move(*read);
    }
    co_return known_;
  }

 private:
  const std::string path_;
  const std::string profile_;
  S3Credentials known_;
};

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<S3Credentials> read_s3_profile(std::string_view text, std::string_view profile) {
  S3Credentials found;
  bool inside = false;
  bool seen = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      std::string_view name = trim(line.substr(1, line.find(']') - 1));
      if (name.starts_with("profile ")) name = trim(name.substr(8));
      inside = name == profile;
      seen = seen || inside;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, equals));
    std::string value(trim(line.substr(equals + 1)));
    if (name == "aws_access_key_id") {
      found.access_key_id = std::move(value);
    } else if (name == "aws_secret_access_key") {
      found.secret_access_key = Secret(std::move(value));
    } else if (name == "aws_session_token") {
      found.session_token = Secret(std::move(value));
    }
  }
  const std::string shown = "profile \"" + std::string(profile) + "\"";
  if (!seen) return Error(Errc::unauthenticated, "there is no " + shown);
  if (found.access_key_id.empty() || found.secret_access_key.empty()) {
    return Error(Errc::unauthenticated,
                 shown + " lacks aws_access_key_id or aws_secret_access_key");
  }
  return found;
}

std::shared_ptr<S3CredentialsProvider> make_fixed_credentials(S3Credentials credentials) {
  return std::make_shared<FixedCredentials>(std::move(credentials));
}

std::shared_ptr<S3CredentialsProvider> make_profile_credentials(std::string path,
                                                                std::string profile) {
  return std::make_shared<ProfileCredentials>(std::move(path), std::move(profile));
}

}  // namespace rwp::storage
