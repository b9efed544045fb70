#include "plugin/calls.hpp"

#include <algorithm>

#include "json/writer.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {

std::string remark(const dune_error& error) {
  const auto length = std::min<std::size_t>(error.message_len, sizeof error.message);
  auto text = json::repair_utf8({error.message, length});
  std::erase(text, '\0');
  return text;
}

std::string reason(dune_status status, const dune_error& error) {
  auto text = remark(error);
  return text.empty() ? fmt::format("failed with status {}", status) : text;
}

ConfigValues::ConfigValues(std::span<const config::ParamValue> values, std::string_view category) {
  lists_.reserve(values.size());
  for (const auto& value : values) values_.push_back(convert(value));
  config_ = {sizeof config_, static_cast<std::uint32_t>(values_.size()), values_.data(), to_str(category)};
}

dune_value ConfigValues::convert(const config::ParamValue& value) {
  dune_value out{};
  out.type = static_cast<std::uint32_t>(value.index()) + DUNE_VALUE_BOOL;
  if (const auto* b = std::get_if<bool>(&value)) out.as.i = *b ? 1 : 0;
  if (const auto* i = std::get_if<std::int64_t>(&value)) out.as.i = *i;
  if (const auto* f = std::get_if<double>(&value)) out.as.f = *f;
  if (const auto* s = std::get_if<std::string>(&value)) out.as.s = to_str(*s);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    auto& items = lists_.emplace_back();
    for (const auto& item : *list) items.push_back(to_str(item));
    out.as.list = {items.data(), static_cast<std::uint32_t>(items.size()), sizeof(dune_str)};
  }
  return out;
}

Instance::~Instance() {
  if (instance_ == nullptr) return;
  dune_error ignored{};
  guarded(ignored, [this] {
    destroy_(instance_);
    return DUNE_OK;
  });
}

dune_status Instance::make(dune_status (*create)(const dune_host*, const dune_config*, void**, dune_error*),
                           const dune_host* host, const dune_config* config, dune_error& error, bool* threw) {
  const auto status = guarded(
      error, [&] { return create(host, config, &instance_, &error); }, threw);
  if (status != DUNE_OK) instance_ = nullptr;
  return status;
}

}  // namespace dunetrace::plugin
