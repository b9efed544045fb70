// Plain bytes for messages between the host and its runners, which are one program on one machine. What comes from a
// runner is hostile: Unpacker never reads past its end and remembers that it was asked to.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "config/parameters.hpp"

namespace dunetrace::plugin {

class Packer {
 public:
  Packer& u32(std::uint32_t value) { return raw(&value, sizeof value); }
  Packer& u64(std::uint64_t value) { return raw(&value, sizeof value); }
  Packer& i64(std::int64_t value) { return raw(&value, sizeof value); }
  Packer& f64(double value) { return raw(&value, sizeof value); }
  Packer& text(std::string_view value);
  Packer& texts(const std::vector<std::string>& values);
  Packer& value(const config::ParamValue& value);
  Packer& values(const std::vector<config::ParamValue>& values);
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  Packer& append(const Packer& other) { return raw(other.bytes_.data(), other.bytes_.size()); }
  void clear() { bytes_.clear(); }
  void wipe();  // overwritten, not only forgotten

 private:
  Packer& raw(const void* from, std::size_t size) {
    bytes_.append(static_cast<const char*>(from), size);
    return *this;
  }
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  // After a bad read every further one gives zero or nothing.
  [[nodiscard]] std::uint32_t u32() { return number<std::uint32_t>(); }
  [[nodiscard]] std::uint64_t u64() { return number<std::uint64_t>(); }
  [[nodiscard]] std::int64_t i64() { return number<std::int64_t>(); }
  [[nodiscard]] double f64() { return number<double>(); }
  [[nodiscard]] std::string_view text();
  [[nodiscard]] std::vector<std::string> texts();
  [[nodiscard]] config::ParamValue value();
  [[nodiscard]] std::vector<config::ParamValue> values();
  // A count of things that take at least `least` bytes each: no more than there can be.
  [[nodiscard]] std::uint32_t count(std::size_t least);
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }  // bytes that were not read; none after a bad read
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  template <class T>
  T number() {
    T out{};
    if (rest_.size() < sizeof out) {
      fail();
      return out;
    }
    std::memcpy(&out, rest_.data(), sizeof out);
    rest_.remove_prefix(sizeof out);
    return out;
  }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace dunetrace::plugin
