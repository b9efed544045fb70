// gzip and deflate. Internal to http/; pure functions, zlib stays behind this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dunetrace::http {

// A gzip member holding `text`; empty when zlib has no memory.
[[nodiscard]] std::string gzip(std::string_view text);

enum class Coding : std::uint8_t { identity, gzip, deflate, unknown };

// The value of a Content-Encoding header; two codings on top of each other are unknown.
[[nodiscard]] Coding coding_of(std::string_view header);

enum class Inflated : std::uint8_t { ok, corrupt, too_large };

// Unpacks `packed` into `out`, which never grows beyond `max_bytes`. Text behind the end of the data is corrupt.
[[nodiscard]] Inflated inflate(Coding coding, std::string_view packed, std::size_t max_bytes, std::string& out);

// Whether an Accept-Encoding header allows gzip (by name or by "*", not with q=0).
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

// Whether a content type is text that packs well.
[[nodiscard]] bool is_compressible(std::string_view content_type);

}  // namespace dunetrace::http
