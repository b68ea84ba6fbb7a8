#include <rwp/core/sha256.hpp>
#include <rwp/core/sha256_stream.hpp>

#include <openssl/evp.h>

#include <memory>
#include <new>

namespace rwp {
namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const EVP_MD* sha256_function() {
  static const EVP_MD* const kFunction = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kFunction;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  // To look the function up and to make a context takes five times as long as a short text.
  const EVP_MD* const function = sha256_function();
  thread_local const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
  Sha256 digest{};
  const bool done = function != nullptr && context != nullptr &&
                    EVP_DigestInit_ex(context.get(), function, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  if (!done) throw std::bad_alloc();
  return digest;
}

struct Sha256Stream::Context {
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> evp{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  if (sha256_function() == nullptr || !context_->evp ||
      EVP_DigestInit_ex(context_->evp.get(), sha256_function(), nullptr) != 1) {
    throw std::bad_alloc();
  }
}

Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&& other) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&& other) noexcept = default;

void Sha256Stream::update(std::string_view bytes) {
  if (EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()) != 1) {
    throw std::bad_alloc();
  }
}

Sha256 Sha256Stream::finish() {
  Sha256 digest{};
  if (EVP_DigestFinal_ex(context_->evp.get(), digest.data(), nullptr) != 1) throw std::bad_alloc();
  return digest;
}

std::string to_hex(const Sha256& digest) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 0xFU];
  }
  return text;
}

}  // namespace rwp
