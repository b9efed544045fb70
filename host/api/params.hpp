// Reads query parameters and collects what is wrong with them in the array form of a 422 (spec/wire.md 3.4).
//   QueryReader query(request);
//   const auto page = query.page(options);
//   const auto shadow = query.boolean("include_shadow").value_or(false);
//   if (auto refusal = query.refusal()) return *std::move(refusal);
// One per request and thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/options.hpp"
#include "http/message.hpp"
#include "store/read_scope.hpp"

namespace dunetrace::api {

class QueryReader {
 public:
  explicit QueryReader(const http::Request& request) : request_(request) {}

  // `offset` and `limit` (spec/api.md 1.3).
  [[nodiscard]] store::PageRequest page(const Options& options);
  // A whole number from `least` to `most`; `otherwise` when absent or refused.
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                     std::int64_t most);
  // true/false, 1/0, yes/no, on/off, t/f, y/n in any case; nothing when absent or refused.
  [[nodiscard]] std::optional<bool> boolean(std::string_view name);
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;

  // The 422 that names every refused parameter; nothing when all were fine.
  [[nodiscard]] std::optional<http::Response> refusal() const;

 private:
  struct Problem {
    std::string type;
    std::string name;
    std::string message;
    std::string input;
    std::string bound;  // "ge" or "le"; empty = none
    std::int64_t limit = 0;
  };

  const http::Request& request_;
  std::vector<Problem> problems_;
};

// The member of `choices` that equals `text` but for case; nothing when there is none. ASCII.
[[nodiscard]] std::optional<std::string> choice(std::string_view text, const std::vector<std::string>& choices);

// "unknown severity 'x'; valid values: A, B"
[[nodiscard]] std::string unknown_choice(std::string_view what, std::string_view text,
                                         const std::vector<std::string>& choices);

}  // namespace dunetrace::api
