// SHA-256 and what the wire protocol derives from it (spec/wire.md 6). OpenSSL stays behind this header.
// Thread-safe: one digest context per thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace dunetrace {

using Sha256 = std::array<unsigned char, 32>;

[[nodiscard]] Sha256 sha256(std::string_view bytes);
[[nodiscard]] std::string to_hex(std::string_view bytes);

// 64 lower-case hex characters.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

// The first 16 lower-case hex characters of SHA-256: hash16("hello") is 2cf24dba5fb0a30e.
[[nodiscard]] std::string hash16(std::string_view text);

// Compares in a time that depends on the length only.
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace dunetrace
