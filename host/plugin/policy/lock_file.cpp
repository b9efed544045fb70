#include "plugin/policy/lock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "config/yaml_tree.hpp"
#include "json/writer.hpp"

namespace dunetrace::plugin::policy {
namespace {

constexpr std::size_t kMaxBytes = 1024 * 1024;
constexpr auto kHead =
    R"(# The plugin libraries of this directory that a host loads, and how. Written by `dunetrace plugins lock`.
# A library that is not listed, or whose bytes are others, is not loaded. Review a change like code.
)";
constexpr auto kVersion = "1";

std::string in_quotes(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// No plugin can say such a thing about itself, and what is written could not be read again.
bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// Takes one entry apart, key by key.
class EntryReader {
 public:
  EntryReader(std::string_view name, const config::YamlEntry& entry) : name_(name), entry_(entry) {}

  Result<LockEntry> read() {
    if (!is_library_name(entry_.key.text)) return wrong(entry_.key, "expected the name of a library, such as loops.so");
    if (!entry_.value.is_mapping()) return wrong(entry_.value, "expected sha256, id, version, mode and components");
    for (const auto& [key, value] : entry_.value.entries) {
      static const std::vector<std::string> kKeys{"sha256", "id", "version", "mode", "components"};
      if (std::ranges::find(kKeys, key.text) == kKeys.end()) {
        return wrong(key, "unknown key; expected one of sha256, id, version, mode, components");
      }
    }
    LockEntry out;
    DUNE_TRY_VOID(text("sha256", out.sha256));
    if (!is_sha256(out.sha256)) {
      return wrong(*entry_.value.find("sha256"), "expected 64 lower-case hex characters in sha256");
    }
    DUNE_TRY_VOID(text("id", out.id));
    DUNE_TRY_VOID(text("version", out.version));
    std::string mode;
    DUNE_TRY_VOID(text("mode", mode));
    const auto known = mode_from(mode);
    if (!known) return wrong(*entry_.value.find("mode"), "expected the mode in_process or isolated");
    out.mode = *known;
    DUNE_TRY_VOID(components(out));
    return out;
  }

 private:
  [[nodiscard]] tl::unexpected<Error> wrong(const config::YamlNode& at, std::string_view what) const {
    return fail(
        Code::invalid_argument,
        config::located(name_, at, fmt::format("{} ({}, got {})", what, entry_.key.text, config::describe(at))));
  }

  Result<> text(std::string_view key, std::string& to) const {
    const auto* node = entry_.value.find(key);
    if (node == nullptr) return wrong(entry_.key, fmt::format("has no {}", key));
    if (node->kind != config::YamlNode::Kind::scalar) return wrong(*node, fmt::format("expected a text as {}", key));
    if (has_control(node->text)) return wrong(*node, fmt::format("expected no control character in {}", key));
    to = node->text;
    return {};
  }

  Result<> components(LockEntry& out) const {
    const auto* node = entry_.value.find("components");
    if (node == nullptr) return wrong(entry_.key, "has no components");
    if (!node->is_mapping_or_null()) return wrong(*node, "expected components as id: kind");
    for (const auto& [id, kind] : node->entries) {
      if (kind.kind != config::YamlNode::Kind::scalar) return wrong(kind, "expected the kind of a component");
      if (has_control(id.text) || has_control(kind.text))
        return wrong(id, "expected no control character in components");
      out.components.emplace(id.text, kind.text);
    }
    return {};
  }

  std::string_view name_;
  const config::YamlEntry& entry_;
};

std::string components_text(const LockEntry& entry) {
  std::string out;
  for (const auto& [id, kind] : entry.components) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", kind, id);
  return out.empty() ? "none" : out;
}

std::string what_changed(const LockEntry& before, const LockEntry& after) {
  std::string out;
  const auto add = [&](std::string_view what, std::string_view from, std::string_view to) {
    if (from != to) out += fmt::format("{}{} {} → {}", out.empty() ? "" : ", ", what, from, to);
  };
  add("id", before.id, after.id);
  add("version", before.version, after.version);
  add("components", components_text(before), components_text(after));
  add("mode", to_text(before.mode), to_text(after.mode));
  add("sha256", before.sha256.substr(0, 12), after.sha256.substr(0, 12));
  return out;
}

std::string reason() { return std::strerror(errno); }  // NOLINT(concurrency-mt-unsafe): glibc's is safe

}  // namespace

std::string_view to_text(Mode mode) { return mode == Mode::in_process ? "in_process" : "isolated"; }

std::optional<Mode> mode_from(std::string_view text) {
  if (text == "in_process") return Mode::in_process;
  if (text == "isolated") return Mode::isolated;
  return std::nullopt;
}

Result<LockFile> LockFile::parse(std::string_view text, std::string_view name) {
  config::YamlLimits limits;
  limits.file_bytes = kMaxBytes;
  limits.values = 50'000;
  DUNE_TRY(tree, config::read_yaml(text, name, limits));
  const auto wrong = [&](const config::YamlNode& at, std::string_view what) {
    return fail(Code::invalid_argument, config::located(name, at, what));
  };
  if (!tree.is_mapping()) return wrong(tree, "expected `version` and `plugins`");
  for (const auto& [key, value] : tree.entries) {
    if (key.text != "version" && key.text != "plugins") {
      return wrong(key, fmt::format("unknown key '{}'; expected version and plugins", key.text));
    }
  }
  const auto* version = tree.find("version");
  if (version == nullptr || version->text != kVersion) {
    return wrong(version == nullptr ? tree : *version, fmt::format("expected `version: {}`", kVersion));
  }
  const auto* plugins = tree.find("plugins");
  if (plugins == nullptr || !plugins->is_mapping_or_null()) {
    return wrong(plugins == nullptr ? tree : *plugins, "expected `plugins` with one entry per library");
  }
  LockFile out;
  for (const auto& entry : plugins->entries) {
    DUNE_TRY(one, EntryReader(name, entry).read());
    out.entries.emplace(entry.key.text, std::move(one));
  }
  return out;
}

std::string LockFile::text() const {
  std::string out = kHead;
  out += fmt::format("version: {}\nplugins:{}\n", kVersion, entries.empty() ? " {}" : "");
  for (const auto& [file, entry] : entries) {
    out += fmt::format("  {}:\n    sha256: {}\n    id: {}\n    version: {}\n    mode: {}\n    components:{}\n",
                       in_quotes(file), in_quotes(entry.sha256), in_quotes(entry.id), in_quotes(entry.version),
                       to_text(entry.mode), entry.components.empty() ? " {}" : "");
    for (const auto& [id, kind] : entry.components)
      out += fmt::format("      {}: {}\n", in_quotes(id), in_quotes(kind));
  }
  return out;
}

Result<std::optional<std::string>> read_lock(const Directory& directory) {
  return read_text(directory, kLockName, kMaxBytes);
}

Result<> write_whole(const Directory& directory, const std::string& name, std::string_view text) {
  const auto draft = fmt::format(".{}.{}", name, ::getpid());
  const auto broken = [&] {
    auto why = (directory.path / name).string() + " cannot be written: " + reason();
    ::unlinkat(directory.fd.get(), draft.c_str(), 0);
    return fail(Code::denied, std::move(why));
  };
  ::unlinkat(directory.fd.get(), draft.c_str(), 0);  // of a process of that number which did not come to its end
  const Fd fd(::openat(directory.fd.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd || ::fchmod(fd.get(), 0644) != 0) return broken();
  for (std::size_t done = 0; done < text.size();) {
    const auto put = ::write(fd.get(), text.data() + done, text.size() - done);
    if (put < 0 && errno != EINTR) return broken();
    if (put > 0) done += static_cast<std::size_t>(put);
  }
  if (::fsync(fd.get()) != 0) return broken();
  if (::renameat(directory.fd.get(), draft.c_str(), directory.fd.get(), name.c_str()) != 0) return broken();
  if (::fsync(directory.fd.get()) != 0) return broken();
  return {};
}

LockEntry entry_of(const Library& library) {
  LockEntry out{library.sha256, library.id, library.version, {}, library.mode};
  for (const auto& component : library.components) out.components.emplace(component.schema.id, component.schema.kind);
  return out;
}

Result<> check_listed(const LockEntry& listed, const LockEntry& found, const Directory& directory) {
  const auto differ = [&](std::string_view what, std::string_view expected, std::string_view got) {
    return fail(Code::denied, fmt::format("has {} {}, {} lists {}; if it is meant to be another, {}", what, got,
                                          (directory.path / kLockName).string(), expected, lock_command(directory)));
  };
  if (listed.sha256 != found.sha256) return differ("sha256", listed.sha256, found.sha256);
  if (listed.id != found.id) return differ("id", listed.id, found.id);
  if (listed.version != found.version) return differ("version", listed.version, found.version);
  if (listed.components != found.components) {
    return differ("components", components_text(listed), components_text(found));
  }
  return {};
}

std::vector<std::string> differences(const LockFile& before, const LockFile& after) {
  std::vector<std::string> out;
  for (const auto& [file, entry] : after.entries) {
    const auto old = before.entries.find(file);
    if (old == before.entries.end()) {
      out.push_back(fmt::format("added    {}: {} {}, {}, {}, sha256 {}", file, entry.id, entry.version,
                                components_text(entry), to_text(entry.mode), entry.sha256.substr(0, 12)));
    } else if (old->second != entry) {
      out.push_back(fmt::format("changed  {}: {}", file, what_changed(old->second, entry)));
    }
  }
  for (const auto& [file, entry] : before.entries) {
    if (!after.entries.contains(file)) out.push_back(fmt::format("removed  {}: {} {}", file, entry.id, entry.version));
  }
  return out;
}

std::string lock_command(const Directory& directory) {
  return fmt::format("run: dunetrace plugins lock '{}'", directory.path.string());
}

}  // namespace dunetrace::plugin::policy
