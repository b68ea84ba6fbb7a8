#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace rwp::tests {

/// A new key and a certificate for "localhost" that it has signed itself, as PEM files.
struct TestCertificate {
  explicit TestCertificate(const std::filesystem::path& directory);
  std::string certificate_file{};
  std::string key_file{};
};

struct TlsClientOptions {
  /// The certificate that is trusted.
  std::string trusted_file{};
  /// Offered by ALPN; empty: none.
  std::string protocol{};
  /// No later version of TLS than this ("1.1", "1.2"); empty: any.
  std::string latest_version{};
};

/// Speaks TLS to 127.0.0.1 on a blocking socket.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const TlsClientOptions& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// Whether the handshake succeeded, and the certificate is the trusted one.
  bool connected() const noexcept { return connected_; }
  /// "TLSv1.3".
  std::string version() const;
  /// What the server chose by ALPN.
  std::string protocol() const;
  bool send(std::string_view bytes);
  /// What comes until the server ends the connection; `cleanly` tells whether it said so by TLS.
  std::string read_to_end(bool* cleanly = nullptr);
  /// At least one byte; empty at the end.
  std::string read_some();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  bool connected_ = false;
};

}  // namespace rwp::tests
