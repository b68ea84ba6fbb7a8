#include <rwp/ai/batch_api.hpp>

namespace rwp::ai {

bool made_nothing(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::invalid_argument:
    case Errc::unauthenticated:
    case Errc::permission_denied:
    case Errc::not_found:
    case Errc::rate_limited:
    case Errc::budget_exceeded:
    case Errc::unsupported:
      return true;
    default:
      return false;
  }
}

}  // namespace rwp::ai
