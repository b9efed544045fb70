#include "dashboard/assets.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <optional>
#include <sstream>

#include "core/hash.hpp"

namespace dunetrace::dashboard {
namespace {

struct Kind {
  std::string_view ending;
  std::string_view content_type;
};

// What a page is made of. Anything else in the folder (README.md, editor backups) is nobody's business.
constexpr std::array kKinds{
    Kind{".html", "text/html; charset=utf-8"},
    Kind{".css", "text/css; charset=utf-8"},
    Kind{".js", "text/javascript; charset=utf-8"},
    Kind{".svg", "image/svg+xml"},
    Kind{".png", "image/png"},
    Kind{".ico", "image/x-icon"},
    Kind{".json", "application/json"},
    Kind{".txt", "text/plain; charset=utf-8"},
    Kind{".webmanifest", "application/manifest+json"},
    Kind{".map", "application/json"},
};

std::string_view content_type_of(std::string_view name) {
  for (const auto& kind : kKinds) {
    if (name.ends_with(kind.ending)) return kind.content_type;
  }
  return {};
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (!file || !(bytes << file.rdbuf())) return std::nullopt;
  return std::move(bytes).str();
}

bool hidden(const std::filesystem::path& path) { return path.filename().string().starts_with('.'); }

}  // namespace

std::string etag_of(std::string_view bytes) { return fmt::format("\"{}\"", hash16(bytes)); }

bool names_a_file(std::string_view path) { return !content_type_of(path.substr(path.rfind('/') + 1)).empty(); }

Result<Assets> Assets::load(const std::filesystem::path& directory) {
  std::error_code failure;
  std::filesystem::recursive_directory_iterator entry(directory, failure);
  if (failure) {
    return fail(Code::not_found, fmt::format("dashboard files: cannot read the directory {} ({})", directory.string(),
                                             failure.message()));
  }
  Assets assets;
  for (const std::filesystem::recursive_directory_iterator end; entry != end; entry.increment(failure)) {
    const auto& path = entry->path();
    if (hidden(path)) {
      if (entry->is_directory(failure)) entry.disable_recursion_pending();
      continue;
    }
    const auto type = content_type_of(path.filename().string());
    if (type.empty() || !entry->is_regular_file(failure)) continue;
    auto bytes = read_file(path);
    if (!bytes) return fail(Code::not_found, fmt::format("dashboard files: cannot read {}", path.string()));
    const auto name = "/" + path.lexically_relative(directory).generic_string();
    auto tag = etag_of(*bytes);
    assets.files_.insert_or_assign(name, Asset{std::move(*bytes), std::string(type), std::move(tag)});
  }
  if (failure) {
    return fail(Code::not_found, fmt::format("dashboard files: {} ({})", directory.string(), failure.message()));
  }
  if (assets.find("/index.html") == nullptr) {
    return fail(Code::not_found, fmt::format("dashboard files: {} has no index.html", directory.string()));
  }
  return assets;
}

const Asset* Assets::find(std::string_view path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

}  // namespace dunetrace::dashboard
