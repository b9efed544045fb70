// Transactions for the files of store/ (and nobody else: this is the header that shows libpqxx).
//   return transact(db, "load run", [&](pqxx::work& tx) -> Result<Run> { … tx.exec_params(…) … });
// `run` gets an open transaction; its value commits, its error rolls back. Serialization failures and deadlocks
// (40001, 40P01) repeat `run` up to three times, so it must have no effect outside of the transaction. A lost
// connection destroys the connection object and becomes Code::unavailable; a commit in doubt becomes
// Code::unavailable with a text that says so; other SQL errors are Code::internal with SQLSTATE and message.
#pragma once

#include <functional>
#include <optional>
#include <pqxx/pqxx>
#include <string_view>
#include <type_traits>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

// The SQLSTATE in the text of an error made here ("22P05"), empty when it has none: class 22 means that a value is bad
// and the transaction will never succeed as it is.
[[nodiscard]] std::string_view sqlstate_of(const Error& error);

namespace detail {
// The type-erased form: returns the error of `run`, or one of the above.
[[nodiscard]] Result<> transact(Database& db, std::string_view what, bool read_only,
                                const std::function<Result<>(pqxx::work&)>& run);
}  // namespace detail

template <class F>
[[nodiscard]] auto transact(Database& db, std::string_view what, F&& run, bool read_only = false)
    -> std::invoke_result_t<F, pqxx::work&> {
  using R = std::invoke_result_t<F, pqxx::work&>;
  std::optional<R> value;
  auto done = detail::transact(db, what, read_only, [&](pqxx::work& tx) -> Result<> {
    value.emplace(run(tx));
    if (!*value) return tl::unexpected<Error>(value->error());
    return {};
  });
  if (!done) return tl::unexpected<Error>(std::move(done).error());
  return std::move(*value);
}

// A read-only transaction.
template <class F>
[[nodiscard]] auto query(Database& db, std::string_view what, F&& run) {
  return transact(db, what, std::forward<F>(run), true);
}

}  // namespace dunetrace::store
