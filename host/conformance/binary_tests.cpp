// Tests of the file as it lies on the disk: none of its code runs.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "conformance/elf_file.hpp"
#include "conformance/imports.hpp"
#include "conformance/session.hpp"
#include "conformance/tests.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::string_view kEntry = "dune_plugin_entry_v1";
constexpr std::size_t kNamed = 5;  // of many names

// The languages' own libraries; the last three come with a sanitizer build.
constexpr std::array kLibraries = {"libc.so",       "libm.so",    "libstdc++.so", "libgcc_s.so", "ld-linux-",
                                   "libpthread.so", "libdl.so",   "librt.so",     "libc++.so",   "libc++abi.so",
                                   "linux-vdso.so", "libasan.so", "libubsan.so",  "libtsan.so"};

std::string some(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kNamed; ++i) out += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamed) out += fmt::format(" and {} more", names.size() - kNamed);
  return out;
}

}  // namespace

Finding test_exports(Session& session) {
  const auto file = ElfFile::read(session.file());
  if (!file) return failed(file.error().text);
  std::vector<std::string> others;
  bool entry = false;
  for (const auto& symbol : file->dynamic) {
    if (!symbol.exported) continue;
    // A later major version's entry may stand beside this one.
    if (symbol.name == kEntry) {
      entry = true;
    } else if (!symbol.name.starts_with("dune_plugin_entry_v")) {
      others.push_back(symbol.name + (symbol.unique ? " (unique: keeps the library mapped for ever)" : ""));
    }
  }
  if (!entry)
    return failed(fmt::format("it exports no {}", kEntry),
                  "end C++ sources with DUNE_DETECTOR_PLUGIN(Class) (or DUNE_ALERT_PLUGIN, "
                  "DUNE_INTEGRATION_PLUGIN); in C define DUNE_EXPORT const dune_plugin "
                  "*dune_plugin_entry_v1(void)");
  if (!others.empty()) return failed("it exports " + some(others) + " as well");
  return passed();
}

Finding test_hardening(Session& session) {
  const auto file = ElfFile::read(session.file());
  if (!file) return failed(file.error().text);
  std::vector<std::string> wrong;
  if (!file->relro) wrong.emplace_back("no RELRO segment");
  if (!file->bind_now) wrong.emplace_back("symbols are bound lazily");
  if (file->text_relocations) wrong.emplace_back("text relocations (code not compiled with -fPIC)");
  if (file->executable_stack) wrong.emplace_back("an executable stack");
  if (!wrong.empty()) return failed(some(wrong));
  return passed();
}

Finding test_libraries(Session& session) {
  const auto file = ElfFile::read(session.file());
  if (!file) return failed(file.error().text);
  std::vector<std::string> strange;
  for (const auto& name : file->needed) {
    if (std::ranges::none_of(kLibraries, [&](const char* known) { return name.starts_with(known); })) {
      strange.push_back(name);
    }
  }
  if (!strange.empty()) return failed("it needs " + some(strange));
  if (!file->search_path.empty()) {
    return failed("it searches libraries in " + file->search_path, "link without -rpath");
  }
  return passed();
}

Finding test_imports(Session& session) {
  const auto file = ElfFile::read(session.file());
  if (!file) return failed(file.error().text);
  const auto found = objections(*file, session.kinds());
  if (found.empty()) return passed(has_own_runtime(*file) ? "with a runtime library of its own" : "");
  std::vector<std::string> texts;
  for (const auto& one : found) texts.push_back(fmt::format("{} ({})", one.symbol, one.why));
  return failed("it imports " + some(texts));
}

}  // namespace dunetrace::conformance
