// The privacy guard (spec/wire.md 9.1): clients that are in the field send arguments and error texts as Base64 where a
// hash is due. Such values are replaced by the hash of the value as sent, so that equal ones stay equal. Pure
// functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/reader.hpp"

namespace dunetrace::ingest {

// Base64 (both alphabets, padding optional) of a JSON object or array.
[[nodiscard]] bool is_reversible_args(std::string_view args_hash);

// Base64 of printable text, unless it is 8 to 64 hexadecimal characters.
[[nodiscard]] bool is_reversible_error(std::string_view error_hash);

// `payload` with reversible values of its members args_hash and error_hash replaced; nothing when there are none. `raw`
// is the text of `payload`; all other bytes of it stay as they are.
[[nodiscard]] std::optional<std::string> without_reversible(const json::Value& payload, std::string_view raw);

}  // namespace dunetrace::ingest
