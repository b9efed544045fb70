// Random identifiers. Thread-safe: each thread has its own generator, seeded from the kernel.
#pragma once

#include <cstdint>
#include <string>

namespace dunetrace {

// A fresh UUID, version 4, lower case with dashes.
[[nodiscard]] std::string new_uuid();

// `bytes` (1 … 64) from the kernel's cryptographic generator as lower-case hex, for API keys.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace dunetrace
