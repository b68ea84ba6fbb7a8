#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/url.hpp>

#include <any>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

namespace rwp {

class Runtime;

/// Says which part a URL's scheme opens, for each interface on its own. A value: copy, extend,
/// pass.
///
/// Each backend offers a `register_…(SchemeRegistry&)`, the component `rwp` offers
/// `builtin_schemes()`, and anyone may add a scheme of his own:
///
///     registry.add<storage::ObjectStore>("zip", [](const Url& url, Runtime& runtime) { … });
///     auto store = registry.open<storage::ObjectStore>("zip:archive.zip", runtime);
class SchemeRegistry {
 public:
  /// Opens one part; its waiting operations belong to `runtime`, which outlives it.
  template <class Interface>
  using Opener =
      std::function<Result<std::shared_ptr<Interface>>(const Url& url, Runtime& runtime)>;

  /// Adds or replaces what `scheme` (lower case) opens where an `Interface` is asked for.
  template <class Interface>
  void add(std::string scheme, Opener<Interface> opener) {
    openers_[{typeid(Interface), std::move(scheme)}] = std::move(opener);
  }

  /// Opens `url`. `Errc::invalid_argument`: not a URL, or a scheme that nobody added for this
  /// interface (the message lists those that are there); otherwise what the part answers.
  template <class Interface>
  Result<std::shared_ptr<Interface>> open(std::string_view url, Runtime& runtime) const {
    auto parsed = Url::parse(url);
    if (!parsed) return parsed.error();
    const auto found = openers_.find({typeid(Interface), parsed->scheme()});
    if (found == openers_.end()) return unknown_scheme(*parsed, typeid(Interface));
    return std::any_cast<const Opener<Interface>&>(found->second)(*parsed, runtime);
  }

  /// The schemes known for `Interface`, sorted.
  template <class Interface>
  std::vector<std::string> schemes() const {
    return schemes_of(typeid(Interface));
  }

 private:
  Error unknown_scheme(const Url& url, std::type_index interface) const;
  std::vector<std::string> schemes_of(std::type_index interface) const;

  std::map<std::pair<std::type_index, std::string>, std::any> openers_;
};

}  // namespace rwp
