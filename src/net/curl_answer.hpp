#pragma once

#include <rwp/net/http_transport.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rwp::net {

/// Reads the header of an answer line by line; heads with a status of 1xx are passed over.
class AnswerHeader {
 public:
  /// One line with its end. False: not to be accepted; fault() says why.
  bool take_line(std::string_view line);

  bool begun() const noexcept { return bytes_ > 0; }
  bool complete() const noexcept { return complete_; }
  const HttpResponseHead& head() const noexcept { return head_; }
  const std::string& fault() const noexcept { return fault_; }

 private:
  bool take_status(std::string_view line);
  bool take_field(std::string_view line);
  bool refuse(std::string_view fault);

  HttpResponseHead head_;
  std::string fault_;
  std::size_t bytes_ = 0;
  std::size_t fields_ = 0;
  bool in_fields_ = false;
  bool complete_ = false;
};

}  // namespace rwp::net
