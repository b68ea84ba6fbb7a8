#include "jobadder/sealed.hpp"

#include <rwp/core/sha256.hpp>
#include <rwp/jobadder/oauth.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cassert>
#include <charconv>
#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>

namespace rwp::jobadder {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Context make_context() {
  Context context(EVP_CIPHER_CTX_new());
  if (!context) throw std::bad_alloc();
  return context;
}

Sha256 key_of(const Secret& secret) {
  return sha256(std::string("rwp/jobadder/tokens/1\0", 22) + secret.expose());
}

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(bytes_of(bytes), static_cast<int>(count)) != 1) {
    throw std::runtime_error("the system gives no random bytes");
  }
  return bytes;
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHex[byte >> 4U];
    out += kHex[byte & 0x0FU];
  }
  return out;
}

bool read_hex(std::string_view text, std::string& out) {
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    const char* const begin = text.data() + i;
    const auto read = std::from_chars(begin, begin + 2, byte, 16);
    if (read.ec != std::errc() || read.ptr != begin + 2) return false;
    out += static_cast<char>(byte);
  }
  return true;
}

}  // namespace

std::string seal(const Secret& secret, std::string_view name, std::string_view text) {
  const Sha256 key = key_of(secret);
  const std::string nonce = random_bytes(kNonceBytes);
  std::string hidden(text.size(), '\0');
  std::string tag(kTagBytes, '\0');
  const Context context = make_context();
  int size = 0;
  const bool done =
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                         bytes_of(std::string_view(nonce))) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, bytes_of(name),
                        static_cast<int>(name.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), bytes_of(hidden), &size, bytes_of(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), bytes_of(tag), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
  if (!done) throw std::runtime_error("AES-256-GCM is not to be had");
  return hex_of(nonce + hidden + tag);
}

Result<std::string> unseal(const Secret& secret, std::string_view name, std::string_view sealed) {
  const Error refused(Errc::unauthenticated,
                      "what is kept was sealed under another client secret, or has been changed");
  std::string all;
  if (!read_hex(sealed, all) || all.size() < kNonceBytes + kTagBytes) return refused;
  const Sha256 key = key_of(secret);
  const std::string_view view(all);
  const auto nonce = view.substr(0, kNonceBytes);
  const auto hidden = view.substr(kNonceBytes, all.size() - kNonceBytes - kTagBytes);
  std::string tag(view.substr(all.size() - kTagBytes));
  std::string text(hidden.size(), '\0');
  std::array<unsigned char, kTagBytes> rest{};
  const Context context = make_context();
  int size = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), bytes_of(nonce)) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, bytes_of(name),
                        static_cast<int>(name.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(text), &size, bytes_of(hidden),
                        static_cast<int>(hidden.size())) == 1 &&
      EVP_DecryptFinal_ex(context.get(), rest.data(), &size) == 1;
  if (!good) return refused;
  return text;
}

std::string random_token() { return hex_of(random_bytes(32)); }

bool equal_in_constant_time(const std::string& left, const std::string& right) {
  // Digests are equally long, whatever was given.
  const Sha256 a = sha256(left);
  const Sha256 b = sha256(right);
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace rwp::jobadder
