// .env: values, or an error that names the line and never quotes it. A value that is written in quotes comes back.
#include "config/environment.hpp"

#include "fuzz.hpp"

namespace dunetrace::fuzz {
namespace {

void check_quoted(std::string_view value) {
  std::string text = "X=\"";
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\r') {
      text += "\\r";
    } else {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  }
  text += "\" # and a comment\nY=1\n";
  const auto env = config::Environment::from({}, text, ".env");
  if (value.find('\0') != std::string_view::npos) {
    DUNE_HOLDS(!env.has_value(), text);
    return;
  }
  DUNE_HOLDS(env.has_value(), text);
  const auto found = env->get("X");
  DUNE_HOLDS(value.empty() ? !found : found && found->text == value && found->place == ".env:1", text);
  DUNE_HOLDS(env->get("Y")->place == ".env:2", text);
}

}  // namespace

void run(std::string_view input) {
  check_quoted(input);
  const auto env = config::Environment::from({{"SET", "outside"}}, input, ".env");
  if (!env) {
    const std::string_view error = env.error().text;
    DUNE_HOLDS(error.starts_with(".env:") && error.size() < 120, error);
    return;
  }
  DUNE_HOLDS(env->get("SET")->text == "outside", input);
  for (const std::string_view name : {"A", "DATABASE_URL", "SET", "", "a b"}) {
    const auto value = env->get(name);
    if (!value) continue;
    DUNE_HOLDS(!value->text.empty() && value->text.find('\0') == std::string::npos, input);
    DUNE_HOLDS(!name.empty() && name != "a b", input);
  }
}

}  // namespace dunetrace::fuzz
