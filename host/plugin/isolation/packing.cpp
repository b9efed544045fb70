#include "plugin/isolation/packing.hpp"

#include "config/secrets.hpp"

namespace dunetrace::plugin {

void Packer::wipe() { config::wipe(bytes_); }

Packer& Packer::text(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  return raw(value.data(), value.size());
}

Packer& Packer::texts(const std::vector<std::string>& values) {
  u32(static_cast<std::uint32_t>(values.size()));
  for (const auto& one : values) text(one);
  return *this;
}

Packer& Packer::value(const config::ParamValue& value) {
  u32(static_cast<std::uint32_t>(value.index()));
  if (const auto* b = std::get_if<bool>(&value)) return u32(*b ? 1 : 0);
  if (const auto* i = std::get_if<std::int64_t>(&value)) return i64(*i);
  if (const auto* f = std::get_if<double>(&value)) return f64(*f);
  if (const auto* s = std::get_if<std::string>(&value)) return text(*s);
  return texts(std::get<std::vector<std::string>>(value));
}

Packer& Packer::values(const std::vector<config::ParamValue>& values) {
  u32(static_cast<std::uint32_t>(values.size()));
  for (const auto& one : values) value(one);
  return *this;
}

std::string_view Unpacker::text() {
  const std::size_t size = u32();
  if (!ok_ || rest_.size() < size) {
    fail();
    return {};
  }
  const auto out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

std::uint32_t Unpacker::count(std::size_t least) {
  const auto n = u32();
  if (n <= rest_.size() / least) return n;
  fail();
  return 0;
}

std::vector<std::string> Unpacker::texts() {
  std::vector<std::string> out;
  const auto n = count(sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < n && ok_; ++i) out.emplace_back(text());
  return out;
}

config::ParamValue Unpacker::value() {
  switch (u32()) {
    case 0:
      return u32() != 0;
    case 1:
      return i64();
    case 2:
      return f64();
    case 3:
      return std::string(text());
    case 4:
      return texts();
    default:
      fail();
      return false;
  }
}

std::vector<config::ParamValue> Unpacker::values() {
  std::vector<config::ParamValue> out;
  const auto n = count(2 * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < n && ok_; ++i) out.push_back(value());
  return out;
}

}  // namespace dunetrace::plugin
