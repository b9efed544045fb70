// What kind of place an IP address is, for deciding whether a plugin may be led there. Pure functions.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunetrace::http {

enum class AddressKind : std::uint8_t {
  global,           // the open internet
  loopback,         // this machine
  private_network,  // RFC 1918, shared (100.64/10), unique local
  link_local,       // the metadata services of clouds among them
  special           // unspecified, multicast, documentation, reserved, tunnels
};

[[nodiscard]] std::string_view to_text(AddressKind kind);

// IPv4 addresses within IPv6 ones (mapped, NAT64, 6to4) are judged as what they lead to.
[[nodiscard]] AddressKind kind_of(const sockaddr& address);

// An address as text, "10.0.0.1" or "fd00::1" without brackets; nothing when it is none.
[[nodiscard]] std::optional<AddressKind> kind_of_literal(std::string_view text);

[[nodiscard]] std::string address_text(const sockaddr& address);

}  // namespace dunetrace::http
