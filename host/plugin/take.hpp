// Reading records that another compiler laid out (plugin-abi.md 4): every record a plugin fills goes through take().
#pragma once

#include <dunetrace/plugin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace dunetrace::plugin {

constexpr std::uint32_t kMaxRecordBytes = 64 * 1024;

// Copies min(theirs, ours) bytes into `dst`, the rest is zero; false when their size is below `minimum` (the end of the
// last 1.0 field) or absurd. `size_offset` is where struct_size lies (0 in all records but the descriptor).
template <class T>
[[nodiscard]] bool take(const void* src, T& dst, std::size_t minimum, std::size_t size_offset = 0) {
  static_assert(std::is_trivially_copyable_v<T>);
  dst = T{};
  if (src == nullptr) return false;
  std::uint32_t size = 0;
  std::memcpy(&size, static_cast<const char*>(src) + size_offset, sizeof size);
  if (size < minimum || size > kMaxRecordBytes) return false;
  std::memcpy(&dst, src, std::min<std::size_t>(size, sizeof dst));
  return true;
}

// Element `index` of a table that is walked by the plugin's stride.
[[nodiscard]] inline const void* element(const void* table, std::uint32_t stride, std::uint32_t index) {
  return static_cast<const char*>(table) + static_cast<std::size_t>(stride) * index;
}

// Absent text reads as empty. The view is valid as long as the plugin's static data.
[[nodiscard]] inline std::string_view view(dune_str text) {
  return text.ptr == nullptr ? std::string_view() : std::string_view(text.ptr, text.len);
}

[[nodiscard]] inline dune_str to_str(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace dunetrace::plugin
