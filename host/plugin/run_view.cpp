#include "plugin/run_view.hpp"

#include <cstring>

#include "plugin/run_records.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {

template <class T>
dune_array RunView::table(const std::vector<T>& elements) {
  using Record = decltype(records::convert(elements.front(), to_str));
  const std::size_t stride = sizeof(Record) + padding_;
  auto& bytes = tables_.emplace_back();
  bytes.resize(stride * elements.size(), 0xEE);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Record record = records::convert(elements[i], to_str);
    std::memcpy(bytes.data() + i * stride, &record, sizeof record);
  }
  return {bytes.data(), static_cast<std::uint32_t>(elements.size()), static_cast<std::uint32_t>(stride)};
}

RunView::RunView(const Run& run, std::string_view category, std::size_t padding) : padding_(padding) {
  tables_.reserve(7);
  records::fill(run_, run, category, to_str, [this](const auto& elements) { return table(elements); });
}

}  // namespace dunetrace::plugin
