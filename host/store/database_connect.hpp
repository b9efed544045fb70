// What libpq is told when it connects, made once from DatabaseOptions, and the cleaning of what libpq says back.
// For the files of store/ only. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
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

  // Key=value texts with every session setting in them, so that no session of ours ever lacks one; one per server that
  // the URL names. libpq goes through them by itself, but without a limit for each when it does not block: a first one
  // that takes connections and never answers would hide the others.
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

  // The server to begin with: the one that answered last. Thread-safe.
  [[nodiscard]] std::size_t first() const { return *first_; }
  void answered(std::size_t server) const { *first_ = server; }

  // How long connecting may take altogether: connect_timeout of the URL, else 3 s, for each server.
  [[nodiscard]] std::chrono::milliseconds connect_limit() const {
    return connect_limit_ * static_cast<int>(texts_.size());
  }

  // A message of the library as one line without passwords.
  [[nodiscard]] std::string clean(std::string_view message) const;

 private:
  std::vector<std::string> texts_;
  std::shared_ptr<std::atomic<std::size_t>> first_ = std::make_shared<std::atomic<std::size_t>>(0);  // it can be moved
  std::vector<std::string> secrets_;
  std::chrono::milliseconds connect_limit_{};
};

}  // namespace dunetrace::store::detail
