// dunetrace/host.hpp - what the host offers to an instance: log and extensions, in C++17. Header only. A Host may be
// kept as long as the instance lives.
#pragma once
#include <dunetrace/ext/json.h>
#include <dunetrace/view.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>

namespace dunetrace {
inline namespace v1 {

// Thrown by a constructor or by detect() to fail with a status and a reason; never leaves the plugin. `why` is a
// literal.
class Failure : public std::exception {
 public:
  Failure(dune_status code, const char* why) noexcept : code_(code), why_(why) {}
  dune_status code() const noexcept { return code_; }
  const char* what() const noexcept override { return why_; }

 private:
  dune_status code_;
  const char* why_;
};

class Host {
 public:
  explicit Host(const dune_host* host) noexcept : host_(host) {}
  const dune_host* raw() const noexcept { return host_; }
  std::string_view version() const noexcept { return view(host_->version); }
  void log(std::uint32_t level, std::string_view message) const noexcept { host_->log(host_, level, str(message)); }
  // nullptr when the host has no such extension or does not grant it.
  template <class Table>
  const Table* extension(const char* id) const noexcept {
    return static_cast<const Table*>(host_->get_extension(host_, lit(id)));
  }

 private:
  const dune_host* host_;
};

// Reads single values out of a JSON text by JSON pointer, through dune.host.json/1. An empty result means: not there,
// of another type, or the text is no JSON.
class JsonReader {
 public:
  // Throws Failure when the host lacks the extension; make it in the detector's constructor.
  explicit JsonReader(Host host) : host_(host.raw()), table_(host.extension<dune_host_json_v1>(DUNE_EXT_HOST_JSON_V1)) {
    if (table_ == nullptr || !DUNE_HAS(table_, dune_host_json_v1, array_len)) {
      throw Failure(DUNE_E_UNSUPPORTED, "the host does not offer " DUNE_EXT_HOST_JSON_V1);
    }
  }

  std::optional<std::uint32_t> type_of(std::string_view json, std::string_view pointer) const noexcept {
    return read<std::uint32_t>(table_->type_of, json, pointer);  // DUNE_JSON_TYPE_*
  }
  std::optional<std::int64_t> i64(std::string_view json, std::string_view pointer) const noexcept {
    return read<std::int64_t>(table_->get_i64, json, pointer);
  }
  std::optional<double> f64(std::string_view json, std::string_view pointer) const noexcept {
    return read<double>(table_->get_f64, json, pointer);
  }
  std::optional<bool> boolean(std::string_view json, std::string_view pointer) const noexcept {
    const auto value = read<std::uint32_t>(table_->get_bool, json, pointer);
    return value ? std::optional(*value != 0) : std::nullopt;
  }
  // Valid until the next call on this host.
  std::optional<std::string_view> string(std::string_view json, std::string_view pointer) const noexcept {
    return text(table_->get_str, json, pointer);
  }
  // A slice of `json`.
  std::optional<std::string_view> raw(std::string_view json, std::string_view pointer) const noexcept {
    return text(table_->get_raw, json, pointer);
  }
  std::optional<std::uint32_t> array_len(std::string_view json, std::string_view pointer) const noexcept {
    return read<std::uint32_t>(table_->array_len, json, pointer);
  }

 private:
  template <class T>
  using Getter = dune_status (*)(const dune_host*, dune_str, dune_str, T*);

  template <class T>
  std::optional<T> read(Getter<T> get, std::string_view json, std::string_view pointer) const noexcept {
    T value{};
    return get(host_, str(json), str(pointer), &value) == DUNE_OK ? std::optional<T>(value) : std::nullopt;
  }
  std::optional<std::string_view> text(Getter<dune_str> get, std::string_view json,
                                       std::string_view pointer) const noexcept {
    const auto value = read<dune_str>(get, json, pointer);
    return value ? std::optional(view(*value)) : std::nullopt;
  }

  const dune_host* host_;
  const dune_host_json_v1* table_;
};

}  // namespace v1
}  // namespace dunetrace
