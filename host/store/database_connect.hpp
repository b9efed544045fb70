// What libpq is told when it connects, made once from DatabaseOptions, and the cleaning of what libpq says back.
// For the files of store/ only. Immutable, so thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store::detail {

// Before the SQLSTATE in an error's text, "… (SQLSTATE 22P05)": see sqlstate_of in session.hpp.
inline constexpr std::string_view kStateMark = " (SQLSTATE ";

class ConnectInfo {
 public:
  // Code::invalid_argument when the text is neither a URL nor key=value pairs; the error does not repeat the text.
  [[nodiscard]] static Result<ConnectInfo> make(const DatabaseOptions& options);

  // key=value text with every session setting in it, so that no session of ours ever lacks one.
  [[nodiscard]] const std::string& text() const { return text_; }

  // How long connecting may take: connect_timeout of the URL, else 3 s.
  [[nodiscard]] std::chrono::milliseconds connect_limit() const { return connect_limit_; }

  // A message of the library as one line without passwords.
  [[nodiscard]] std::string clean(std::string_view message) const;

 private:
  std::string text_;
  std::vector<std::string> secrets_;
  std::chrono::milliseconds connect_limit_{};
};

}  // namespace dunetrace::store::detail
