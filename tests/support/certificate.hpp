#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <support/temporary_directory.hpp>

namespace rwp::tests {

/// A certificate that is its own authority, for a name, made with the openssl tool.
class Certificate {
 public:
  /// `alternative` as openssl has it: "DNS:localhost".
  Certificate(const std::string& name, const std::string& alternative) {
    const std::string line =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-keyout " +
        key() + " -out " + file() + " -subj /CN=" + name +
        " -addext subjectAltName=" + alternative + " 2>/dev/null";
    if (std::system(line.c_str()) != 0) throw std::runtime_error("no certificate");
  }

  std::filesystem::path folder() const { return directory_.path(); }
  std::string file() const { return (directory_.path() / "certificate.pem").string(); }
  std::string key() const { return (directory_.path() / "key.pem").string(); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace rwp::tests
