// Ed25519 signatures over plugins.lock (plugin-abi.md 18, check 4): one signature covers every library of a directory
// and where it may run. OpenSSL stays behind this header. Any thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace dunetrace::plugin::policy {

constexpr auto kSignatureName = "plugins.lock.sig";

// What is checked with. `openssl pkey -in key.pem -pubout` writes one.
class PublicKey {
 public:
  // A PEM file, absolute, under the rules for plugins' files: whoever can change it decides what is loaded.
  [[nodiscard]] static Result<PublicKey> load(const std::filesystem::path& file);
  // `signature` is the content of plugins.lock.sig. The error says what is wrong with it; it names no file.
  [[nodiscard]] Result<> check(std::string_view text, std::string_view signature) const;

 private:
  std::shared_ptr<void> key_;  // EVP_PKEY; shared, because copies of this value are harmless
  std::filesystem::path file_;
};

// The content of plugins.lock.sig for `text`: base64, one line. `private_key` is a PEM file as written by
// `openssl genpkey -algorithm ed25519`; asks on the terminal for the password of one that has it.
[[nodiscard]] Result<std::string> sign(std::string_view text, const std::filesystem::path& private_key);

}  // namespace dunetrace::plugin::policy
