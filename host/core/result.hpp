// Errors as values. What a caller can mend is a Result; what it cannot is an exception; a broken invariant aborts
// (DUNE_CHECK). A Code exists only because some caller behaves differently for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace dunetrace {

enum class Code : std::uint8_t {
  invalid_argument,  // the input is wrong; the text says what was expected
  not_found,         // the named thing does not exist
  conflict,          // exists already, or is held by somebody else
  denied,            // known, but not allowed
  unavailable,       // may work later: database away, queue full
  timeout,           // took longer than allowed
  internal           // nobody outside can mend it; the log has the cause
};

struct Error {
  Code code = Code::internal;
  std::string text;  // what, where, what was expected; never a secret

  // Puts the place in front of the text: Error{…, "port in use"}.in("ingest") says "ingest: port in use".
  [[nodiscard]] Error&& in(std::string_view where) && {
    text.insert(0, ": ").insert(0, where);
    return std::move(*this);
  }
};

template <class T = void>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}

// Prints the reason and the place to stderr and aborts. For DUNE_CHECK only.
[[noreturn]] void check_failed(const char* condition, const char* why, const char* file, int line) noexcept;

}  // namespace dunetrace

// Invariants, in release builds too. Never on outside data.
#define DUNE_CHECK(condition, why) \
  ((condition) ? static_cast<void>(0) : ::dunetrace::check_failed(#condition, why, __FILE__, __LINE__))

#define DUNE_CONCAT_(a, b) a##b
#define DUNE_CONCAT(a, b) DUNE_CONCAT_(a, b)

// DUNE_TRY(name, expression): the value of a Result, or returns its error unchanged.
#define DUNE_TRY(name, ...)                                                                      \
  auto DUNE_CONCAT(try_, __LINE__) = (__VA_ARGS__);                                              \
  if (!DUNE_CONCAT(try_, __LINE__))                                                              \
    return ::tl::unexpected<::dunetrace::Error>(std::move(DUNE_CONCAT(try_, __LINE__)).error()); \
  auto name = std::move(*DUNE_CONCAT(try_, __LINE__))

// DUNE_TRY_VOID(expression): the same for Result<>.
#define DUNE_TRY_VOID(...)                                                                         \
  do {                                                                                             \
    auto DUNE_CONCAT(try_, __LINE__) = (__VA_ARGS__);                                              \
    if (!DUNE_CONCAT(try_, __LINE__))                                                              \
      return ::tl::unexpected<::dunetrace::Error>(std::move(DUNE_CONCAT(try_, __LINE__)).error()); \
  } while (false)
