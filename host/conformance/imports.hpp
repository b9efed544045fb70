// Which functions a plugin has no business to import, and why (plugin-abi.md 7, 9 and principle 5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/elf_file.hpp"

namespace dunetrace::conformance {

struct Objection {
  std::string symbol;
  std::string_view why;
};

// `kinds`: what the library has (Kinds); what only detectors may not do is objected to when it has one, or when it is
// not known.
[[nodiscard]] std::vector<Objection> objections(const ElfFile& file, std::uint32_t kinds);

// The library carries a language runtime of its own, which imports more than the plugin's author asked for.
[[nodiscard]] bool has_own_runtime(const ElfFile& file);

}  // namespace dunetrace::conformance
