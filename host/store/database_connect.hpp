// What libpq is told when it connects, made once from DatabaseOptions, and the cleaning of what libpq says back.
// For the files of store/ only. Immutable, so thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store::detail {

class ConnectInfo {
 public:
  // Code::invalid_argument when the text is neither a URL nor key=value pairs; the error does not repeat the text.
  [[nodiscard]] static Result<ConnectInfo> make(const DatabaseOptions& options);

  // key=value text with every session setting in it, so that no session of ours ever lacks one.
  [[nodiscard]] const std::string& text() const { return text_; }

  // A message of the library as one line without passwords.
  [[nodiscard]] std::string clean(std::string_view message) const;

 private:
  std::string text_;
  std::vector<std::string> secrets_;
};

}  // namespace dunetrace::store::detail
