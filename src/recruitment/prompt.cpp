#include <rwp/core/sha256.hpp>
#include <rwp/recruitment/task.hpp>

namespace rwp::recruitment {

std::string Prompt::label() const { return std::string(name) + "/" + std::to_string(version); }

std::string Prompt::digest(const JsonText& schema) const {
  // A zero byte stands in none of the three, so no two prompts share these bytes.
  std::string bytes = label();
  bytes += '\0';
  bytes += text;
  bytes += '\0';
  bytes += schema.view();
  return to_hex(sha256(bytes));
}

}  // namespace rwp::recruitment
