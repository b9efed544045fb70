#include "http/address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>
#include <utility>

namespace dunetrace::http {
namespace {

class Kinds : public ::testing::TestWithParam<std::pair<const char*, AddressKind>> {};

TEST_P(Kinds, OfAnAddressAndItsSocketForm) {
  const auto [text, expected] = GetParam();
  const auto kind = kind_of_literal(text);
  ASSERT_TRUE(kind) << text;
  EXPECT_EQ(*kind, expected) << text << " is " << to_text(*kind);
  sockaddr_storage storage{};
  if (std::string(text).find(':') != std::string::npos) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    ASSERT_EQ(::inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    std::memcpy(&storage, &six, sizeof six);
  } else {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    ASSERT_EQ(::inet_pton(AF_INET, text, &four.sin_addr), 1);
    std::memcpy(&storage, &four, sizeof four);
  }
  EXPECT_EQ(kind_of(reinterpret_cast<const sockaddr&>(storage)), expected);
}

using K = AddressKind;
INSTANTIATE_TEST_SUITE_P(
    V4, Kinds,
    ::testing::Values(std::pair("8.8.8.8", K::global), std::pair("1.1.1.1", K::global),
                      std::pair("172.15.255.255", K::global), std::pair("172.32.0.0", K::global),
                      std::pair("100.63.255.255", K::global), std::pair("192.167.255.255", K::global),
                      std::pair("0.0.0.0", K::special), std::pair("0.1.2.3", K::special),
                      std::pair("10.0.0.1", K::private_network), std::pair("10.255.255.255", K::private_network),
                      std::pair("100.64.0.1", K::private_network), std::pair("100.100.100.200", K::private_network),
                      std::pair("127.0.0.1", K::loopback), std::pair("127.255.255.254", K::loopback),
                      std::pair("169.254.169.254", K::link_local), std::pair("172.16.0.1", K::private_network),
                      std::pair("172.31.255.255", K::private_network), std::pair("192.168.1.1", K::private_network),
                      std::pair("192.0.2.1", K::special), std::pair("198.19.0.1", K::special),
                      std::pair("224.0.0.1", K::special), std::pair("255.255.255.255", K::special)));
INSTANTIATE_TEST_SUITE_P(
    V6, Kinds,
    ::testing::Values(std::pair("2606:4700::1111", K::global), std::pair("2a00::1", K::global),
                      std::pair("::", K::special), std::pair("::1", K::loopback), std::pair("::2", K::special),
                      std::pair("::ffff:127.0.0.1", K::loopback), std::pair("::ffff:10.0.0.1", K::private_network),
                      std::pair("::ffff:169.254.169.254", K::link_local), std::pair("::ffff:8.8.8.8", K::global),
                      std::pair("::127.0.0.1", K::special), std::pair("64:ff9b::a00:1", K::private_network),
                      std::pair("64:ff9b::808:808", K::global), std::pair("2002:7f00:1::", K::loopback),
                      std::pair("2002:c0a8:101::1", K::private_network), std::pair("2001::1", K::special),
                      std::pair("2001:db8::1", K::special), std::pair("fc00::1", K::private_network),
                      std::pair("fd00:ec2::254", K::private_network), std::pair("fe80::1", K::link_local),
                      std::pair("fec0::1", K::private_network), std::pair("ff02::1", K::special)));

TEST(Address, NamesAreNone) {
  for (const auto* text : {"", "localhost", "1.2.3", "0x7f.0.0.1", "[::1]", "::1%lo", "1.2.3.4 "}) {
    EXPECT_FALSE(kind_of_literal(text)) << text;
  }
}

}  // namespace
}  // namespace dunetrace::http
