#include "conformance/elf_file.hpp"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

namespace dunetrace::conformance {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024 * 1024;  // as the host's file policy has it

class Reader {
 public:
  explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  [[nodiscard]] std::optional<T> at(std::uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return std::nullopt;
    T out;
    std::memcpy(&out, bytes_.data() + offset, sizeof out);
    return out;
  }
  // The NUL-terminated text at `offset` of the string table; empty when there is none.
  [[nodiscard]] std::string text(const Elf64_Shdr& strings, std::uint64_t offset) const {
    if (offset >= strings.sh_size || strings.sh_offset > bytes_.size() ||
        strings.sh_size > bytes_.size() - strings.sh_offset) {
      return {};
    }
    const char* const from = bytes_.data() + strings.sh_offset + offset;
    return {from, ::strnlen(from, strings.sh_size - offset)};
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

tl::unexpected<Error> wrong(const char* why) { return fail(Code::invalid_argument, why); }

Result<Elf64_Ehdr> header(const Reader& file) {
  const auto head = file.at<Elf64_Ehdr>(0);
  if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return wrong("this is no ELF file");
  if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_ident[EI_DATA] != ELFDATA2LSB) {
    return wrong("this is no 64-bit little-endian ELF file");
  }
  if (head->e_type != ET_DYN) return wrong("this is no shared library");
  return *head;
}

void read_segments(const Reader& file, const Elf64_Ehdr& head, ElfFile& out) {
  for (std::uint64_t i = 0; i < head.e_phnum; ++i) {
    const auto segment = file.at<Elf64_Phdr>(head.e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) return;
    if (segment->p_type == PT_GNU_RELRO) out.relro = true;
    if (segment->p_type == PT_GNU_STACK) out.executable_stack = (segment->p_flags & PF_X) != 0;
  }
}

void read_dynamic(const Reader& file, const Elf64_Shdr& section, const Elf64_Shdr& strings, ElfFile& out) {
  for (std::uint64_t at = 0; at + sizeof(Elf64_Dyn) <= section.sh_size; at += sizeof(Elf64_Dyn)) {
    const auto entry = file.at<Elf64_Dyn>(section.sh_offset + at);
    if (!entry || entry->d_tag == DT_NULL) return;
    const auto value = entry->d_un.d_val;
    if (entry->d_tag == DT_NEEDED) out.needed.push_back(file.text(strings, value));
    if (entry->d_tag == DT_RPATH || entry->d_tag == DT_RUNPATH) out.search_path = file.text(strings, value);
    if (entry->d_tag == DT_TEXTREL) out.text_relocations = true;
    if (entry->d_tag == DT_BIND_NOW) out.bind_now = true;
    if (entry->d_tag == DT_FLAGS && (value & DF_BIND_NOW) != 0) out.bind_now = true;
    if (entry->d_tag == DT_FLAGS && (value & DF_TEXTREL) != 0) out.text_relocations = true;
    if (entry->d_tag == DT_FLAGS_1 && (value & DF_1_NOW) != 0) out.bind_now = true;
  }
}

void read_symbols(const Reader& file, const Elf64_Shdr& section, const Elf64_Shdr& strings, bool dynamic,
                  ElfFile& out) {
  for (std::uint64_t at = sizeof(Elf64_Sym); at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
    const auto symbol = file.at<Elf64_Sym>(section.sh_offset + at);
    if (!symbol) return;
    const auto bind = ELF64_ST_BIND(symbol->st_info);
    const bool defined = symbol->st_shndx != SHN_UNDEF;
    auto name = file.text(strings, symbol->st_name);
    if (!dynamic) {
      if (defined && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC) out.locals.push_back(std::move(name));
      continue;
    }
    if (bind == STB_LOCAL || name.empty()) continue;
    const auto visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    const bool seen = visibility == STV_DEFAULT || visibility == STV_PROTECTED;
    // A version definition is an absolute symbol that no code can be called by.
    const bool version = symbol->st_shndx == SHN_ABS && ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT;
    out.dynamic.push_back({std::move(name), defined, bind == STB_GNU_UNIQUE, defined && seen && !version});
  }
}

}  // namespace

Result<ElfFile> ElfFile::read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::error_code error;
  if (!stream || std::filesystem::file_size(path, error) > kMaxFileBytes || error) {
    return wrong("it cannot be read, or is larger than 64 MB");
  }
  const Reader file(std::string(std::istreambuf_iterator<char>(stream), {}));
  DUNE_TRY(head, header(file));
  ElfFile out;
  read_segments(file, head, out);
  bool has_symbols = false;
  for (std::uint64_t i = 0; i < head.e_shnum; ++i) {
    const auto section = file.at<Elf64_Shdr>(head.e_shoff + i * sizeof(Elf64_Shdr));
    if (!section) return wrong("the section table lies outside of the file");
    if (section->sh_type != SHT_DYNAMIC && section->sh_type != SHT_DYNSYM && section->sh_type != SHT_SYMTAB) continue;
    const auto strings = file.at<Elf64_Shdr>(head.e_shoff + std::uint64_t{section->sh_link} * sizeof(Elf64_Shdr));
    if (!strings) return wrong("a section has no string table");
    if (section->sh_type == SHT_DYNAMIC) {
      read_dynamic(file, *section, *strings, out);
    } else {
      has_symbols = has_symbols || section->sh_type == SHT_DYNSYM;
      read_symbols(file, *section, *strings, section->sh_type == SHT_DYNSYM, out);
    }
  }
  if (!has_symbols) return wrong("it has no section of dynamic symbols: do not remove section headers");
  return out;
}

}  // namespace dunetrace::conformance
