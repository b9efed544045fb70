#include "ingest/validation.hpp"

namespace dunetrace::ingest {

bool ValidationErrors::begin(std::string_view type, std::string_view where) {
  if (full()) return false;
  if (count_++ == 0) {
    out_.begin_object();
    out_.key("detail");
    out_.begin_array();
  }
  out_.begin_object();
  out_.field("type", type);
  out_.key("loc");
  out_.begin_array();
  out_.string(where);
  return true;
}

void ValidationErrors::end(std::string_view message) {
  out_.end_array();
  out_.field("msg", message);
  out_.end_object();
}

void ValidationErrors::body(std::string_view type, std::string_view field, std::string_view message) {
  if (!begin(type)) return;
  if (!field.empty()) out_.string(field);
  end(message);
}

void ValidationErrors::query(std::string_view type, std::string_view name, std::string_view message) {
  if (!begin(type, "query")) return;
  out_.string(name);
  end(message);
}

void ValidationErrors::header(std::string_view type, std::string_view name, std::string_view message) {
  if (!begin(type, "header")) return;
  out_.string(name);
  end(message);
}

void ValidationErrors::event(std::size_t index, std::string_view type, std::string_view field,
                             std::string_view message) {
  if (!begin(type)) return;
  out_.string("events");
  out_.integer(static_cast<std::int64_t>(index));
  if (!field.empty()) out_.string(field);
  end(message);
}

void ValidationErrors::not_json(std::string_view cause) {
  if (!begin("json_invalid")) return;
  out_.integer(0);
  out_.end_array();
  out_.field("msg", "JSON decode error");
  out_.field_raw("input", "{}");
  out_.key("ctx");
  out_.begin_object();
  out_.field("error", cause);
  out_.end_object();
  out_.end_object();
}

std::string ValidationErrors::take() {
  if (count_ == 0) return R"({"detail":[]})";
  out_.end_array();
  out_.end_object();
  return out_.take();
}

}  // namespace dunetrace::ingest
