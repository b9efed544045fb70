// What a shared library's file says about how it is linked, read without mapping it as code. The file is a stranger's:
// every offset is checked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace dunetrace::conformance {

struct ElfSymbol {
  std::string name;
  bool defined = false;
  bool unique = false;  // STB_GNU_UNIQUE: keeps a library mapped for ever
  bool exported = false;
};

struct ElfFile {
  std::vector<ElfSymbol> dynamic;   // imports and exports
  std::vector<std::string> locals;  // functions of .symtab; empty when the file is stripped
  std::vector<std::string> needed;  // libraries
  std::string search_path;          // RPATH or RUNPATH
  bool relro = false;
  bool bind_now = false;
  bool text_relocations = false;
  bool executable_stack = true;  // without a PT_GNU_STACK it is

  [[nodiscard]] static Result<ElfFile> read(const std::filesystem::path& path);
};

}  // namespace dunetrace::conformance
