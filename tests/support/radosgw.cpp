#include "support/radosgw.hpp"

#include "support/redis_server.hpp"
#include <rwp/core/uuid.hpp>
#include <rwp/net/curl_transport.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace rwp::tests {
namespace {

constexpr std::chrono::seconds kStartPatience{120};

}  // namespace

bool RadosGateway::is_there() {
  return std::system("command -v radosgw ceph-mon ceph-osd ceph s3cmd setpriv >/dev/null") == 0;
}

RadosGateway* RadosGateway::shared() {
  static const std::unique_ptr<RadosGateway> gateway =
      is_there() ? std::make_unique<RadosGateway>() : nullptr;
  return gateway.get();
}

RadosGateway::RadosGateway() {
  // Another process may take a port between the look and the start.
  for (int attempt = 0; attempt < 5 && !process_; ++attempt) start();
  if (!process_) throw std::runtime_error("radosgw does not come up");
}

void RadosGateway::start() {
  const std::string mon2 = std::to_string(free_port());
  const std::string mon1 = std::to_string(free_port());
  port_ = free_port();
  tls_port_ = free_port();
  const std::string directory = directory_.path().string();
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  const std::vector<std::string> command = {"bash",
                                            RWP_RADOSGW_SCRIPT,
                                            directory,
                                            mon2,
                                            mon1,
                                            std::to_string(port_),
                                            std::to_string(tls_port_)};
  auto process = std::make_unique<ChildProcess>(command);
  if (process->read_line(kStartPatience) == "ready") process_ = std::move(process);
}

storage::S3Credentials RadosGateway::credentials() {
  storage::S3Credentials credentials;
  credentials.access_key_id = "testaccess";
  credentials.secret_access_key = Secret("testsecret123456");
  return credentials;
}

storage::S3StorageOptions RadosGateway::options() const {
  storage::S3StorageOptions options;
  options.bucket = kBucket;
  options.prefix = Uuid::make_v7().to_string();
  options.endpoint = url();
  options.part_bytes = std::size_t{5} << 20U;
  options.first_wait = std::chrono::milliseconds(5);
  options.longest_wait = std::chrono::milliseconds(50);
  return options;
}

std::shared_ptr<storage::ObjectStore> RadosGateway::open(Runtime& runtime,
                                                         storage::S3StorageOptions options) const {
  net::CurlTransportOptions curl;
  curl.ca_file = ca_file();
  auto transport = net::make_curl_transport(runtime, std::move(curl));
  return storage::make_s3_object_store(runtime, std::move(transport),
                                       storage::make_fixed_credentials(credentials()),
                                       std::move(options))
      .value();
}

namespace {

/// What a command prints, without the last line's end.
std::string output_of(const std::string& line) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(line.c_str(), "r"), &::pclose);
  if (!pipe) throw std::runtime_error("no shell");
  std::string output;
  std::array<char, 4096> bytes{};
  while (const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe.get())) {
    output.append(bytes.data(), count);
  }
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

}  // namespace

std::string RadosGateway::s3cmd(const std::string& arguments) const {
  const std::string host = "127.0.0.1:" + std::to_string(port_);
  return output_of(
      "s3cmd -c /dev/null --access_key=testaccess --secret_key=testsecret123456 --host=" + host +
      " --host-bucket=" + host + " --no-ssl --no-progress " + arguments + " 2>&1");
}

std::optional<std::string> RadosGateway::aws(const std::string& arguments) const {
  if (std::system("command -v aws >/dev/null") != 0) return std::nullopt;
  return output_of(
      "AWS_ACCESS_KEY_ID=testaccess AWS_SECRET_ACCESS_KEY=testsecret123456"
      " AWS_DEFAULT_REGION=us-east-1 AWS_CONFIG_FILE=/dev/null "
      "AWS_SHARED_CREDENTIALS_FILE=/dev/null"
      " aws --endpoint-url " +
      url() + " " + arguments + " 2>&1");
}

}  // namespace rwp::tests
