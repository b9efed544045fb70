#include "plugin/run_space.hpp"

#include <cstdint>
#include <cstring>

#include "plugin/run_records.hpp"

namespace dunetrace::plugin {

void RunSpace::clear() {
  used_ = 0;
  full_ = false;
  kept_.fill({});
}

void RunSpace::move_to(std::span<std::byte> memory) {
  memory_ = memory;
  clear();
}

void* RunSpace::allocate(std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }

void* RunSpace::allocate(std::size_t bytes, std::size_t alignment) {
  const auto begin = aligned(used_, alignment);
  if (bytes > memory_.size() || begin > memory_.size() - bytes) {
    full_ = true;
    return nullptr;
  }
  used_ = begin + bytes;
  return memory_.data() + begin;
}

dune_str RunSpace::keep(std::string_view text) {
  if (text.data() == nullptr) return {nullptr, 0};
  auto& slot = kept_[(reinterpret_cast<std::uintptr_t>(text.data()) >> 2) % kept_.size()];
  if (slot.from == text.data() && slot.copy.len == text.size()) return slot.copy;
  if (full_ || text.size() >= memory_.size() - used_) {
    full_ = true;
    return {nullptr, 0};
  }
  auto* const copy = reinterpret_cast<char*>(memory_.data() + used_);
  std::memcpy(copy, text.data(), text.size());
  used_ += text.size();
  slot = {text.data(), {copy, text.size()}};
  return slot.copy;
}

template <class T>
dune_array RunSpace::table(const std::vector<T>& elements) {
  const auto text = [this](std::string_view from) { return keep(from); };
  using Record = decltype(records::convert(elements.front(), text));
  const auto stride = static_cast<std::uint32_t>(sizeof(Record) + padding_);
  auto* const to = static_cast<std::byte*>(allocate(elements.size() * stride));
  if (to == nullptr) return {nullptr, 0, stride};
  std::memset(to, 0xA5, padding_ == 0 ? 0 : elements.size() * stride);
  for (std::size_t i = 0; i < elements.size() && !full_; ++i) {
    const Record record = records::convert(elements[i], text);
    std::memcpy(to + i * stride, &record, sizeof record);
  }
  return {to, static_cast<std::uint32_t>(elements.size()), stride};
}

const dune_run* RunSpace::add(const Run& run, std::string_view category) {
  const auto before = used_;
  kept_.fill({});  // texts of another run may have lain at the same place
  auto* const record = static_cast<dune_run*>(allocate(sizeof(dune_run), run_alignment_));
  if (record != nullptr) {
    dune_run made{};
    records::fill(
        made, run, category, [this](std::string_view from) { return keep(from); },
        [this](const auto& elements) { return table(elements); });
    if (!full_) {
      *record = made;
      return record;
    }
  }
  used_ = before;
  full_ = false;
  return nullptr;
}

}  // namespace dunetrace::plugin
