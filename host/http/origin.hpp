// Scheme, host and port of a URL: what an allow-list is made of. The one reading of a URL that both the policy and the
// transfer use is libcurl's. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace dunetrace::http {

struct Origin {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case, without a final dot; addresses in their usual form, without brackets
  std::uint16_t port = 0;
  bool operator==(const Origin&) const = default;
};

// "https://host/path" or "http://[::1]:9000". Refused are other schemes, user names and passwords in the URL, IPv6
// zones, hosts that are no plain names, blanks and control characters. Error texts do not quote the URL: it may be a
// secret.
[[nodiscard]] Result<Origin> origin_of(std::string_view url);

// "https://host", with the port where it is not the usual one.
[[nodiscard]] std::string to_text(const Origin& origin);

}  // namespace dunetrace::http
