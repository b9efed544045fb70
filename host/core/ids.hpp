// Random identifiers. Thread-safe: each thread has its own generator, seeded from the kernel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dunetrace {

// A fresh UUID, version 4, lower case with dashes.
[[nodiscard]] std::string new_uuid();

// Whether it has the form of one: 36 characters, hex digits of either case and dashes.
[[nodiscard]] bool is_uuid(std::string_view text);

// `bytes` (1 … 64) from the kernel's cryptographic generator as lower-case hex, for API keys.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace dunetrace
