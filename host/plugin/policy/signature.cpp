#include "plugin/policy/signature.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "plugin/path_policy.hpp"

namespace dunetrace::plugin::policy {
namespace {

constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kBase64Chars = 88;
constexpr std::size_t kKeyBytes = 64 * 1024;

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// The 64 bytes of one line of base64; nothing when it is anything else.
std::optional<std::array<unsigned char, kSignatureBytes>> decoded(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  if (text.size() != kBase64Chars || text.find('=') != kBase64Chars - 2 || !text.ends_with('=') ||
      text.find_first_of(" \t\r\n") != std::string_view::npos) {
    return std::nullopt;
  }
  std::array<unsigned char, kSignatureBytes + 2> raw{};  // two of them stand for the padding
  if (EVP_DecodeBlock(raw.data(), bytes_of(text), static_cast<int>(text.size())) != static_cast<int>(raw.size())) {
    return std::nullopt;
  }
  std::array<unsigned char, kSignatureBytes> out{};
  std::copy_n(raw.begin(), out.size(), out.begin());
  return out;
}

Result<> ed25519(const EVP_PKEY* key, const std::filesystem::path& file) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) return {};
  return fail(Code::invalid_argument,
              fmt::format("{}: is a {} key, expected an Ed25519 one", file.string(), EVP_PKEY_get0_type_name(key)));
}

}  // namespace

Result<PublicKey> PublicKey::load(const std::filesystem::path& file) {
  auto directory = open_directory(file.parent_path());
  if (!directory) return tl::unexpected<Error>(std::move(directory).error().in("PLUGINS_PUBLIC_KEY"));
  auto text = read_text(*directory, file.filename().string(), kKeyBytes);
  if (!text) return tl::unexpected<Error>(std::move(text).error().in("PLUGINS_PUBLIC_KEY"));
  if (!*text) return fail(Code::not_found, fmt::format("PLUGINS_PUBLIC_KEY: {}: no such file", file.string()));
  const Owned<BIO> bio(BIO_new_mem_buf((*text)->data(), static_cast<int>((*text)->size())));
  Owned<EVP_PKEY> key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  if (!key) {
    return fail(Code::invalid_argument,
                fmt::format("PLUGINS_PUBLIC_KEY: {}: expected a public key in PEM (openssl pkey -in key.pem -pubout)",
                            file.string()));
  }
  auto right = ed25519(key.get(), file);
  if (!right) return tl::unexpected<Error>(std::move(right).error().in("PLUGINS_PUBLIC_KEY"));
  PublicKey out;
  out.key_ = std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free);
  out.file_ = file;
  return out;
}

Result<> PublicKey::check(std::string_view text, std::string_view signature) const {
  const auto raw = decoded(signature);
  if (!raw) return fail(Code::denied, "is no signature, expected one line of 88 characters of base64");
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  auto* const key = static_cast<EVP_PKEY*>(key_.get());
  const bool ready = context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1;
  const bool good =
      ready && EVP_DigestVerify(context.get(), raw->data(), raw->size(), bytes_of(text), text.size()) == 1;
  ERR_clear_error();
  if (good) return {};
  return fail(Code::denied, fmt::format("does not fit {} under the key {}: one of them was changed, or another key "
                                        "signed it; run: dunetrace plugins lock --sign KEY.pem",
                                        "plugins.lock", file_.string()));
}

Result<std::string> sign(std::string_view text, const std::filesystem::path& private_key) {
  const Owned<std::FILE> file(std::fopen(private_key.c_str(), "re"));
  if (!file) {
    return fail(Code::not_found,
                private_key.string() + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
  }
  const Owned<EVP_PKEY> key(PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!key) {
    return fail(Code::invalid_argument,
                fmt::format("{}: expected a private key in PEM (openssl genpkey -algorithm ed25519 -out key.pem)",
                            private_key.string()));
  }
  DUNE_TRY_VOID(ed25519(key.get(), private_key));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::array<unsigned char, kSignatureBytes> raw{};
  std::size_t length = raw.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), raw.data(), &length, bytes_of(text), text.size()) != 1) {
    ERR_clear_error();
    return fail(Code::internal, private_key.string() + ": cannot be signed with");
  }
  std::array<unsigned char, kBase64Chars + 1> line{};
  EVP_EncodeBlock(line.data(), raw.data(), static_cast<int>(raw.size()));
  return std::string(reinterpret_cast<const char*>(line.data()), kBase64Chars) + "\n";
}

}  // namespace dunetrace::plugin::policy
