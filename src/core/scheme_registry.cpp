#include <rwp/core/scheme_registry.hpp>

namespace rwp {

Error SchemeRegistry::unknown_scheme(const Url& url, std::type_index interface) const {
  std::string message = "unknown URL scheme \"" + url.scheme() + ":\"";
  const auto known = schemes_of(interface);
  if (!known.empty()) {
    message += "; use one of";
    for (const auto& scheme : known) message += " " + scheme + ":";
  }
  return Error(Errc::invalid_argument, std::move(message));
}

std::vector<std::string> SchemeRegistry::schemes_of(std::type_index interface) const {
  std::vector<std::string> schemes;
  for (const auto& [key, opener] : openers_) {
    if (key.first == interface) schemes.push_back(key.second);
  }
  return schemes;
}

}  // namespace rwp
