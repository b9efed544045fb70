// A run view copied record by record into guarded memory, in the shape of another host: with padding behind every
// element, with a longer dune_run, with bits and kinds of a later minor version.
#pragma once

#include <dunetrace/plugin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "conformance/guarded.hpp"

namespace dunetrace::conformance {

constexpr unsigned char kFiller = 0xEE;

struct HostShape {
  std::size_t padding = 0;   // bytes of 0xEE behind every element of an array
  std::size_t tail = 0;      // bytes of 0xEE that the records are longer than ours
  bool newer = false;        // later abi_minor, unknown bits in has
  bool extensions = true;    // get_extension gives something
  bool guard_texts = false;  // every text ends at an unreadable page, too
};

[[nodiscard]] const dune_run* flatten(const dune_run& from, const HostShape& shape, GuardedMemory& memory);

// `record` with a tail of filler and its struct_size (the first field) raised accordingly.
template <class T>
[[nodiscard]] T* place(const T& record, const HostShape& shape, GuardedMemory& memory) {
  auto* const at = static_cast<unsigned char*>(memory.take(sizeof(T) + shape.tail));
  std::memset(at + sizeof(T), kFiller, shape.tail);
  std::memcpy(at, &record, sizeof record);
  const auto size = static_cast<std::uint32_t>(sizeof(T) + shape.tail);
  std::memcpy(at, &size, sizeof size);
  return reinterpret_cast<T*>(at);
}

}  // namespace dunetrace::conformance
