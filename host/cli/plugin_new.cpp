// dunetrace plugin new: a project for a new plugin, made from the templates of the installation. Writes nothing where
// something is already.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "cli/plugin_commands.hpp"
#include "cli/setup.hpp"

namespace dunetrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 48;

// lower_snake_case: it becomes the key in detectors.yml, a file name and, in capitals, the failure type.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name.front() < 'a' || name.front() > 'z' || name.back() == '_') {
    return false;
  }
  const bool letters =
      std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  return letters && name.find("__") == std::string_view::npos;
}

// What would be a word of C, C++ or Rust where the templates put the name, or of detectors.yml.
bool is_taken(std::string_view name) {
  static constexpr std::string_view kWords[] = {
      "default", "categories", "plugins",   "class",    "struct", "namespace", "template", "auto",   "break",
      "case",    "char",       "const",     "continue", "delete", "do",        "double",   "else",   "enum",
      "extern",  "float",      "for",       "goto",     "if",     "int",       "long",     "new",    "operator",
      "private", "public",     "return",    "short",    "signed", "sizeof",    "static",   "switch", "this",
      "throw",   "try",        "union",     "unsigned", "using",  "virtual",   "void",     "while",  "self",
      "crate",   "super",      "dunetrace", "std",      "test",   "core",      "alloc",    "fn",     "let",
      "match",   "mod",        "move",      "type",     "use",    "check"};
  return std::ranges::find(kWords, name) != std::end(kWords);
}

// YAML, C and Rust strings take the text as it stands.
bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= 80 && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == '{' || c == '}';
  });
}

std::string capitals(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

std::string camel_case(std::string_view name) {
  std::string out;
  bool up = true;
  for (const char c : name) {
    if (c != '_') out += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    up = c == '_';
  }
  return out;
}

std::string title_of(std::string name) {
  std::ranges::replace(name, '_', ' ');
  name.front() = static_cast<char>(name.front() - 32);
  return name;
}

std::string this_year() {
  const std::time_t now = std::time(nullptr);  // of the licence text, nothing else
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return std::to_string(utc.tm_year + 1900);
}

std::map<std::string, std::string> words_of(const PluginNew& args) {
  return {{"name", args.name},
          {"NAME", capitals(args.name)},
          {"Name", camel_case(args.name)},
          {"title", title_of(args.name)},
          {"vendor", args.vendor},
          {"license", args.license},
          {"year", this_year()}};
}

// {{word}} for every word there is; everything else stays, braces too.
std::string filled(std::string_view text, const std::map<std::string, std::string>& words) {
  std::string out;
  for (;;) {
    const auto open = text.find("{{");
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    text.remove_prefix(open);
    const auto close = text.find("}}");
    const auto word =
        close == std::string_view::npos ? words.end() : words.find(std::string(text.substr(2, close - 2)));
    if (word != words.end()) {
      out += word->second;
      text.remove_prefix(close + 2);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
}

// __name__ stands for the name, a leading underscore for a dot: hidden files are overlooked too easily.
fs::path target_of(const fs::path& relative, const std::string& name) {
  fs::path out;
  for (const auto& part : relative) {
    auto text = part.string();
    if (const auto at = text.find("__name__"); at != std::string::npos) text.replace(at, 8, name);
    if (text.starts_with('_')) text.front() = '.';
    out /= text;
  }
  return out;
}

Result<std::string> read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) return fail(Code::internal, file.string() + ": cannot be read");
  return text;
}

// The files of the project and their contents.
Result<std::map<fs::path, std::string>> project_of(const fs::path& templates, const PluginNew& args) {
  const auto words = words_of(args);
  std::map<fs::path, std::string> files;
  for (const auto& layer :
       {templates / "common", templates / args.kind / "common", templates / args.kind / args.lang}) {
    std::error_code failed;
    if (!fs::is_directory(layer, failed)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(layer, failed)) {
      if (!entry.is_regular_file()) continue;
      DUNE_TRY(text, read(entry.path()));
      files[target_of(fs::relative(entry.path(), layer), args.name)] = filled(text, words);
    }
    if (failed) return fail(Code::internal, layer.string() + ": " + failed.message());
  }
  if (args.lang == "rust") {  // generated from the header, so not kept twice
    DUNE_TRY(bindings, read(templates.parent_path() / "rust" / "dunetrace.rs"));
    files["src/dunetrace.rs"] = std::move(bindings);
  }
  DUNE_TRY(license, read(templates / "licenses" / args.license));
  files["LICENSE"] = filled(license, words);
  return files;
}

Result<> write(const fs::path& directory, const std::map<fs::path, std::string>& files) {
  for (const auto& [name, text] : files) {
    const auto path = directory / name;
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    std::ofstream out(path, std::ios::binary);
    out << text << std::flush;
    if (failed || !out) return fail(Code::internal, path.string() + ": cannot be written");
  }
  return {};
}

// Nothing of anybody's may be replaced.
Result<> check_free(const fs::path& directory) {
  std::error_code failed;
  if (!fs::exists(fs::symlink_status(directory, failed))) return {};
  if (fs::is_directory(directory, failed) && fs::is_empty(directory, failed)) return {};
  return fail(Code::conflict, directory.string() + ": is there already; choose another --dir, nothing is overwritten");
}

bool in_path(std::string_view program) {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path != nullptr ? path : ""; !rest.empty();) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (::access((fs::path(rest.substr(0, end)) / program).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// The host refuses a second component of an id; the plugins that come with it are named after theirs.
Result<> check_new_id(const PluginNew& args, const config::Paths& paths) {
  std::error_code failed;
  if (!fs::exists(paths.plugins / (args.name + ".so"), failed)) return {};
  return fail(Code::conflict, "NAME: the host comes with a plugin called '" + args.name +
                                  "', and two of one id are not loaded together; choose another");
}

Result<> check(const PluginNew& args, const fs::path& templates) {
  if (!is_name(args.name)) {
    return fail(Code::invalid_argument,
                fmt::format("NAME: expected lower_snake_case such as slow_checkout, at most {} characters, got '{}'",
                            kLongestName, args.name));
  }
  if (is_taken(args.name)) {
    return fail(Code::invalid_argument, "NAME: '" + args.name + "' is a word of the language; choose another");
  }
  if (!is_plain(args.vendor)) {
    return fail(Code::invalid_argument, "--vendor: expected a short text without quotes, backslashes and braces");
  }
  std::error_code failed;
  if (!fs::is_directory(templates / args.kind / args.lang, failed)) {
    return fail(Code::internal,
                (templates / args.kind / args.lang).string() + ": no such directory; the installation is incomplete");
  }
  if (args.lang == "rust" && !in_path("cargo")) {
    return fail(Code::invalid_argument, "--lang rust: there is no cargo in PATH; install Rust, or use cpp or c");
  }
  return {};
}

// Where CMake finds the SDK, as an argument for a shell. A build tree and a host without the SDK have none.
std::string sdk_prefix(const config::Paths& paths) {
  const auto lib = paths.plugins.parent_path().parent_path();
  std::error_code failed;
  if (!fs::is_directory(lib / "cmake" / "dunetrace-sdk", failed)) return "\"<where the SDK is installed>\"";
  return lib.parent_path().string();
}

void say(const PluginNew& args, const fs::path& directory, const std::map<fs::path, std::string>& files,
         const config::Paths& paths) {
  std::printf("%s: a new %s in %s\n", directory.c_str(), args.kind.c_str(), args.lang.c_str());
  for (const auto& [name, text] : files) std::printf("  %s\n", name.c_str());
  const bool rust = args.lang == "rust";
  const auto built = rust ? "target/release/lib" + args.name + ".so" : "build/" + args.name + ".so";
  std::printf("Next:\n  cd %s\n", directory.c_str());
  if (rust) {
    std::printf("  cargo test\n  cargo build --release\n");
  } else {
    const auto prefix = sdk_prefix(paths);
    std::printf("  cmake -S . -B build -DCMAKE_PREFIX_PATH=%s\n  cmake --build build\n", prefix.c_str());
    std::printf("  ctest --test-dir build --output-on-failure\n");
  }
  if (rust && args.kind == "detector") std::printf("  dunetrace plugin test .\n");
  std::printf("  dunetrace plugin check %s\n", built.c_str());
}

}  // namespace

Result<int> plugin_new(const PluginNew& args) {
  DUNE_TRY(paths, config::find_paths());
  const auto templates = paths.detectors_file.parent_path() / "templates";
  DUNE_TRY_VOID(check(args, templates));
  DUNE_TRY_VOID(check_new_id(args, paths));
  const fs::path directory = args.directory.empty() ? args.name : args.directory;
  DUNE_TRY_VOID(check_free(directory));
  DUNE_TRY(files, project_of(templates, args));
  DUNE_TRY_VOID(write(directory, files));
  say(args, directory, files, paths);
  return 0;
}

}  // namespace dunetrace::cli
