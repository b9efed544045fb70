// Lenient reading of one event's payload: a member of another type is as good as missing (spec/wire.md 4).
// Texts are copied into the run's arena and live as long as the run; nothing here allocates for itself.
#pragma once

#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "json/reader.hpp"
#include "json/writer.hpp"

namespace dunetrace::detect {

class Payload {
 public:
  // Valid until `parser` parses again.
  Payload(json::Parser& parser, std::string_view text, std::pmr::memory_resource& arena);

  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;
  // Any number, cut towards zero.
  [[nodiscard]] std::optional<std::int64_t> whole(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name) const;
  // Any value but null counts: false, 0, "" and empty containers are false, the rest is true.
  [[nodiscard]] std::optional<bool> truth(std::string_view name) const;
  // The texts of an array in place of what is in `out`; other elements are skipped. Of anything else none.
  void texts(std::string_view name, std::vector<std::string_view>& out) const;
  // external.signal: the `meta` object merged with all members but signal_name, source and meta (spec/wire.md 4.10),
  // sorted by name. `writer` is used for it and keeps its memory.
  [[nodiscard]] std::string_view meta(json::Writer& writer) const;

 private:
  [[nodiscard]] std::string_view keep(std::string_view text) const;

  json::Value root_;
  std::pmr::memory_resource& arena_;
};

}  // namespace dunetrace::detect
