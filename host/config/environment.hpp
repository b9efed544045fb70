// Where settings come from: the environment of the process, and the file .env of the working directory for what the
// environment does not say. Read once at start; immutable afterwards, so any thread may ask.
//   DUNE_TRY(env, Environment::load(".env"));
//   if (auto port = env.get("DUNETRACE_API_PORT")) …  // port->text, port->place
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace dunetrace::config {

enum class Origin : std::uint8_t { environment, dotenv, built_in };

[[nodiscard]] std::string_view to_text(Origin origin);

class Environment {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;
  struct Value {
    std::string text;
    Origin origin = Origin::environment;
    std::string place;  // "environment" or ".env:3", for error texts
  };

  // The process environment over `dotenv_file`, which need not exist. A line that cannot be read is an error.
  [[nodiscard]] static Result<Environment> load(const std::filesystem::path& dotenv_file);
  // The same from given parts, for tests and for `detectors check`.
  [[nodiscard]] static Result<Environment> from(const Variables& process, std::string_view dotenv_text,
                                                std::string_view dotenv_name);

  // Nothing when the variable is absent or empty: `X=` in a compose file means "not set".
  [[nodiscard]] std::optional<Value> get(std::string_view name) const;

 private:
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace dunetrace::config
