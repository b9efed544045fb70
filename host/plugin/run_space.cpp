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

void* RunSpace::allocate(std::size_t bytes) {
  constexpr std::size_t kAlignment = alignof(std::max_align_t);
  const auto begin = (used_ + kAlignment - 1) & ~(kAlignment - 1);
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
  auto* const to = static_cast<Record*>(allocate(elements.size() * sizeof(Record)));
  if (to == nullptr) return {nullptr, 0, sizeof(Record)};
  for (std::size_t i = 0; i < elements.size() && !full_; ++i) to[i] = records::convert(elements[i], text);
  return {to, static_cast<std::uint32_t>(elements.size()), sizeof(Record)};
}

const dune_run* RunSpace::add(const Run& run, std::string_view category) {
  const auto before = used_;
  kept_.fill({});  // texts of another run may have lain at the same place
  auto* const record = static_cast<dune_run*>(allocate(sizeof(dune_run)));
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
