// What the readers of a plugin's tables share. Internal to plugin/; pure functions.
#pragma once

#include <dunetrace/plugin.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "plugin/descriptor.hpp"

namespace dunetrace::plugin {

template <class T, class Field>
constexpr std::size_t end_of(Field T::*, std::size_t offset) {
  return offset + sizeof(Field);
}
// Where a field ends: what a record must have at least.
#define DUNE_END(type, field) ::dunetrace::plugin::end_of(&type::field, offsetof(type, field))

[[nodiscard]] tl::unexpected<Error> wrong(std::string text);  // Code::invalid_argument

// The repaired text of a table's field, for people: control characters but for line breaks and tabs are left out, as no
// table of the database and no terminal is to get them.
[[nodiscard]] Result<std::string> text_of(dune_str value, std::string_view field, bool required);
// The same for what identifies something and is compared: a control character is an error.
[[nodiscard]] Result<std::string> name_of(dune_str value, std::string_view field, bool required);

[[nodiscard]] bool lower_snake(std::string_view name);

// The function table of a destination or an integration, into the members of `out` that belong to it.
[[nodiscard]] Result<> describe_alert(const void* vtable, Component& out);
[[nodiscard]] Result<> describe_integration(const void* vtable, Component& out);

}  // namespace dunetrace::plugin
