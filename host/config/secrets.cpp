#include "config/secrets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>  // explicit_bzero
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "config/names.hpp"
#include "core/fd.hpp"

namespace dunetrace::config {
namespace {

constexpr std::string_view kEnv = "env:";
constexpr std::string_view kFile = "file:";
constexpr std::size_t kMaxBytes = 64 * 1024;  // keys and certificates are far below

tl::unexpected<Error> wrong(const std::string& where, std::string_view what) {
  return fail(Code::invalid_argument, fmt::format("{}: {}", where, what));
}

// Links are followed: orchestrators mount secrets as links.
Result<std::string> content_of(const std::string& path, const std::string& where) {
  if (!path.starts_with('/')) return wrong(where, "expected file: with an absolute path, as in file:/run/secrets/name");
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a pipe must not hold up the start
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0) {
    return wrong(where, fmt::format("{} cannot be read: {}", shown(path), std::strerror(errno)));
  }
  if (!S_ISREG(about.st_mode)) return wrong(where, fmt::format("{} is no regular file", shown(path)));
  std::string text(kMaxBytes + 1, '\0');
  std::size_t length = 0;
  for (;;) {
    const auto got = ::read(file.get(), text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got == 0) break;
      wipe(text);
      return wrong(where, fmt::format("{} cannot be read: {}", shown(path), std::strerror(errno)));
    }
    length += static_cast<std::size_t>(got);
    if (length > kMaxBytes) {
      wipe(text);
      return wrong(where, fmt::format("{} has more than {} bytes", shown(path), kMaxBytes));
    }
  }
  // The line break that editors and `echo` put at the end is not meant.
  if (length > 0 && text[length - 1] == '\n') --length;
  if (length > 0 && text[length - 1] == '\r') --length;
  std::string value(text.data(), length);
  wipe(text);
  if (value.empty()) return wrong(where, fmt::format("{} is empty", shown(path)));
  if (value.find('\0') != std::string::npos) return wrong(where, fmt::format("{} is no text", shown(path)));
  return value;
}

}  // namespace

bool is_secret_reference(std::string_view written) { return written.starts_with(kEnv) || written.starts_with(kFile); }

Result<std::string> Secrets::one(const std::string& written, const std::string& where,
                                 std::vector<std::string>& warnings) const {
  if (written.empty()) return written;  // left out
  if (written.starts_with(kEnv)) {
    const auto name = written.substr(kEnv.size());
    const auto found = environment_.get(name);
    if (!found) return wrong(where, fmt::format("the environment variable '{}' is not set or empty", shown(name)));
    return found->text;
  }
  if (written.starts_with(kFile)) return content_of(written.substr(kFile.size()), where);
  if (!literals_) {
    return wrong(where, "a secret is written as env:NAME or file:/path, never as itself (AUTH_MODE is prod)");
  }
  warnings.push_back(where + ": a secret is written as itself; write env:NAME or file:/path (required in production)");
  return written;
}

Result<ParamValue> Secrets::value(const ParamSpec& spec, const ParamValue& written, const std::string& where,
                                  std::vector<std::string>& warnings) const {
  if (const auto* text = std::get_if<std::string>(&written)) {
    if (spec.def && *spec.def == written) return written;  // the plugin's own, which everybody can read
    DUNE_TRY(value, one(*text, where, warnings));
    return ParamValue(std::move(value));
  }
  if (const auto* list = std::get_if<std::vector<std::string>>(&written)) {
    std::vector<std::string> values;
    for (const auto& text : *list) {
      DUNE_TRY(value, one(text, where, warnings));
      values.push_back(std::move(value));
    }
    return ParamValue(std::move(values));
  }
  return written;
}

Result<> Secrets::resolve(const ComponentSchema& schema, std::vector<ParamValue>& values,
                          std::vector<std::string>& warnings) const {
  auto resolved = values;
  for (std::size_t i = 0; i < std::min(schema.params.size(), values.size()); ++i) {
    const auto& spec = schema.params[i];
    if (!spec.secret) continue;
    auto found = value(spec, values[i], schema.id + "." + spec.name, warnings);
    if (!found) {
      wipe_secrets(schema, resolved);
      return tl::unexpected<Error>(std::move(found).error());
    }
    resolved[i] = std::move(*found);
  }
  wipe_secrets(schema, values);
  values = std::move(resolved);
  return {};
}

ParamValue shown_value(const ParamSpec& spec, const ParamValue& value) {
  if (!spec.secret) return value;
  const auto mask = [](const std::string& text) {
    return text.empty() || is_secret_reference(text) ? text : std::string("***");
  };
  if (const auto* text = std::get_if<std::string>(&value)) return mask(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::vector<std::string> out;
    for (const auto& text : *list) out.push_back(mask(text));
    return out;
  }
  return std::string("***");
}

void wipe(std::string& text) noexcept {
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

void wipe_secrets(const ComponentSchema& schema, std::vector<ParamValue>& values) noexcept {
  for (std::size_t i = 0; i < std::min(schema.params.size(), values.size()); ++i) {
    if (!schema.params[i].secret) continue;
    if (auto* text = std::get_if<std::string>(&values[i])) wipe(*text);
    if (auto* list = std::get_if<std::vector<std::string>>(&values[i])) {
      for (auto& text : *list) wipe(text);
    }
  }
}

}  // namespace dunetrace::config
