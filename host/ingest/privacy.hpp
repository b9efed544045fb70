// The privacy guard (spec/wire.md 9.1): clients that are in the field send arguments and error texts as Base64 where a
// hash is due. Such values are replaced by the hash of the value as sent, so that equal ones stay equal. Pure
// functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dunetrace::ingest {

// Base64 (both alphabets, padding optional, lines broken or not) of what is, or begins like, a JSON object or array.
[[nodiscard]] bool is_reversible_args(std::string_view args_hash);

// Base64 of printable text in UTF-8 or Latin-1. Neither function takes 8 to 64 hexadecimal characters for one.
[[nodiscard]] bool is_reversible_error(std::string_view error_hash);

// `object` with the reversible values of its members args_hash and error_hash replaced, each time they occur and
// however the names are written; nothing when there are none. All other bytes stay as they are. `object` is the valid
// JSON text that is stored: what is removed from a text before must be gone already.
[[nodiscard]] std::optional<std::string> without_reversible(std::string_view object);

}  // namespace dunetrace::ingest
