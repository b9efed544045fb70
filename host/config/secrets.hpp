// Parameters that are secrets (plugin-abi.md 9): the operator writes where the value is, env:NAME or file:/path; it is
// read for the one component that asks, when it is created, and wiped right after. Error texts never hold a value.
//   DUNE_TRY_VOID(Secrets(environment, dev_mode).resolve(schema, values, warnings));
//   … create the component …  wipe_secrets(schema, values);
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/environment.hpp"
#include "config/parameters.hpp"
#include "core/result.hpp"

namespace dunetrace::config {

class Secrets {
 public:
  // With `literals` (AUTH_MODE dev) a secret that is written out is taken, with a warning; else it is an error.
  // `environment` outlives this.
  Secrets(const Environment& environment, bool literals) : environment_(environment), literals_(literals) {}

  // Replaces every reference in `values` (in schema order) by what it leads to; nothing stays replaced on an error.
  [[nodiscard]] Result<> resolve(const ComponentSchema& schema, std::vector<ParamValue>& values,
                                 std::vector<std::string>& warnings) const;

 private:
  Result<std::string> one(const std::string& written, const std::string& where,
                          std::vector<std::string>& warnings) const;
  Result<ParamValue> value(const ParamSpec& spec, const ParamValue& written, const std::string& where,
                           std::vector<std::string>& warnings) const;

  const Environment& environment_;
  bool literals_;
};

// env:NAME or file:/path.
[[nodiscard]] bool is_secret_reference(std::string_view written);

// A value as it may be shown: a secret's reference as it is, a secret itself as "***".
[[nodiscard]] ParamValue shown_value(const ParamSpec& spec, const ParamValue& value);

// Overwrites the text, not only its length.
void wipe(std::string& text) noexcept;
void wipe_secrets(const ComponentSchema& schema, std::vector<ParamValue>& values) noexcept;

}  // namespace dunetrace::config
