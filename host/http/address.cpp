#include "http/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

namespace dunetrace::http {
namespace {

struct V4Block {
  std::uint32_t network;
  int bits;
  AddressKind kind;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return (a << 24U) | (b << 16U) | (c << 8U) | d;
}

// IANA's special-purpose registry.
constexpr std::array kV4Blocks{
    V4Block{v4(0, 0, 0, 0), 8, AddressKind::special},
    V4Block{v4(10, 0, 0, 0), 8, AddressKind::private_network},
    V4Block{v4(100, 64, 0, 0), 10, AddressKind::private_network},
    V4Block{v4(127, 0, 0, 0), 8, AddressKind::loopback},
    V4Block{v4(169, 254, 0, 0), 16, AddressKind::link_local},
    V4Block{v4(172, 16, 0, 0), 12, AddressKind::private_network},
    V4Block{v4(192, 0, 0, 0), 24, AddressKind::special},
    V4Block{v4(192, 0, 2, 0), 24, AddressKind::special},
    V4Block{v4(192, 88, 99, 0), 24, AddressKind::special},
    V4Block{v4(192, 168, 0, 0), 16, AddressKind::private_network},
    V4Block{v4(198, 18, 0, 0), 15, AddressKind::special},
    V4Block{v4(198, 51, 100, 0), 24, AddressKind::special},
    V4Block{v4(203, 0, 113, 0), 24, AddressKind::special},
    V4Block{v4(224, 0, 0, 0), 3, AddressKind::special},  // multicast, reserved, broadcast
};

AddressKind kind_of_v4(std::uint32_t address) {
  for (const auto& block : kV4Blocks) {
    if ((address ^ block.network) >> (32 - block.bits) == 0) return block.kind;
  }
  return AddressKind::global;
}

using V6 = std::array<std::uint8_t, 16>;

std::uint32_t v4_within(const V6& a, std::size_t at) { return v4(a[at], a[at + 1], a[at + 2], a[at + 3]); }

bool begins(const V6& a, std::initializer_list<std::uint8_t> bytes) {
  return std::equal(bytes.begin(), bytes.end(), a.begin());
}

AddressKind kind_of_v6(const V6& a) {
  constexpr V6 kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (a == kLoopback) return AddressKind::loopback;
  if (begins(a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF})) return kind_of_v4(v4_within(a, 12));     // mapped
  if (begins(a, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0})) return kind_of_v4(v4_within(a, 12));  // NAT64
  if (begins(a, {0x20, 0x02})) return kind_of_v4(v4_within(a, 2));                                    // 6to4
  if ((a[0] & 0xFEU) == 0xFC) return AddressKind::private_network;                                    // fc00::/7
  if (a[0] == 0xFE && (a[1] & 0xC0U) == 0x80) return AddressKind::link_local;                         // fe80::/10
  if (a[0] == 0xFE && (a[1] & 0xC0U) == 0xC0) return AddressKind::private_network;                    // site-local
  // Of the rest only 2000::/3 is in use; within it Teredo and other protocol assignments, and documentation.
  if ((a[0] & 0xE0U) != 0x20) return AddressKind::special;
  if (begins(a, {0x20, 0x01}) && a[2] < 2) return AddressKind::special;  // 2001::/23
  if (begins(a, {0x20, 0x01, 0x0D, 0xB8})) return AddressKind::special;
  if (begins(a, {0x3F, 0xFF}) && (a[2] & 0xF0U) == 0) return AddressKind::special;
  return AddressKind::global;
}

}  // namespace

std::string_view to_text(AddressKind kind) {
  switch (kind) {
    case AddressKind::global:
      return "public";
    case AddressKind::loopback:
      return "loopback";
    case AddressKind::private_network:
      return "private";
    case AddressKind::link_local:
      return "link-local";
    case AddressKind::special:
      break;
  }
  return "special-purpose";
}

AddressKind kind_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return kind_of_v4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    V6 bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return kind_of_v6(bytes);
  }
  return AddressKind::special;
}

std::optional<AddressKind> kind_of_literal(std::string_view text) {
  const std::string copy(text);
  in_addr four{};
  if (::inet_pton(AF_INET, copy.c_str(), &four) == 1) return kind_of_v4(ntohl(four.s_addr));
  V6 six{};
  if (::inet_pton(AF_INET6, copy.c_str(), six.data()) == 1) return kind_of_v6(six);
  return std::nullopt;
}

std::string address_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    ::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

}  // namespace dunetrace::http
