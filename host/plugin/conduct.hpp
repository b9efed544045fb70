// How components behave, and which of them are off for it (plugin-abi.md 20): strikes and quarantine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunetrace::plugin {

enum class Offence : std::uint8_t { crash, deadline, exit, violation };

[[nodiscard]] constexpr std::string_view to_text(Offence offence) {
  switch (offence) {
    case Offence::crash:
      return "crash";
    case Offence::deadline:
      return "deadline";
    case Offence::exit:
      return "exit";
    case Offence::violation:
      return "violation";
  }
  return "crash";
}

// One thing a plugin must not do, and where it did it.
struct Strike {
  std::string component;  // id
  std::string library;    // id
  std::string version;
  std::string sha256;  // of the file: a new file is judged anew
  Offence offence = Offence::crash;
  std::string customer_id;  // whose run; empty outside of one
  std::string run_id;
  std::string text;  // "ended by SIGSEGV in detect()"
};

// Thread-safe; never blocks on the database.
class Conduct {
 public:
  Conduct() = default;
  Conduct(const Conduct&) = delete;
  Conduct& operator=(const Conduct&) = delete;
  virtual ~Conduct() = default;

  // Why this component of this file is off ("quarantined since …: three crashes in 10 minutes"); empty when it is not.
  [[nodiscard]] virtual std::optional<std::string> off(std::string_view component, std::string_view sha256) const = 0;
  // Takes the strike; true when the component is off from now on (three in 10 minutes, or two on one run).
  virtual bool strike(const Strike& strike) = 0;
};

}  // namespace dunetrace::plugin
