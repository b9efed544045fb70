#include "ingest/admission.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "ingest/privacy.hpp"
#include "ingest/text_arena.hpp"
#include "ingest/validation.hpp"
#include "json/reader.hpp"

namespace dunetrace::ingest {

namespace {

using json::Value;

constexpr std::int64_t kMostTokens = 1'000'000'000;  // per call; more is no count, and sums must fit 64 bits
constexpr std::size_t kShownType = 64;               // bytes of an unknown event type in its message
constexpr std::size_t kLargeBody = 1024 * 1024;      // a parser that has read more gives its memory back

struct Storage {
  std::string body;
  TextArena arena;
};

// The members of one event, found in one pass over the object.
struct Members {
  Value event_type, run_id, agent_id, agent_version, step_index, timestamp, payload, parent_run_id;
};

Members members_of(const Value& event) {
  Members m;
  event.each_member([&m](std::string_view name, Value value) {
    if (name == "event_type") m.event_type = value;
    if (name == "run_id") m.run_id = value;
    if (name == "agent_id") m.agent_id = value;
    if (name == "agent_version") m.agent_version = value;
    if (name == "step_index") m.step_index = value;
    if (name == "timestamp") m.timestamp = value;
    if (name == "payload") m.payload = value;
    if (name == "parent_run_id") m.parent_run_id = value;
  });
  return m;
}

template <class T>
std::optional<T> whole_text(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A number, or a text that is one: clients in dynamic languages send both.
std::optional<double> number_of(const Value& value) {
  auto number = value.number();
  if (!number) {
    if (const auto text = value.string()) number = whole_text<double>(*text);
  }
  if (number && !std::isfinite(*number)) return std::nullopt;
  return number;
}

std::optional<std::int64_t> integer_of(const Value& value) {
  if (const auto integer = value.integer()) return integer;
  const auto number = number_of(value);
  if (!number || std::trunc(*number) != *number || std::fabs(*number) > 9e15) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::int64_t tokens_of(const Value& value) {
  const auto tokens = value.whole();
  return tokens && *tokens > 0 && *tokens <= kMostTokens ? *tokens : 0;
}

class Reader {
 public:
  Reader(Storage& storage, const AdmissionRules& rules, double now) : storage_(storage), rules_(rules), now_(now) {}

  bool read(const Value& root, Admitted& out) {
    if (!root.is_object()) {
      errors_.body("model_attributes_type", "", "Input should be a valid dictionary or object to extract fields from");
      return false;
    }
    if (const auto key = root["api_key"]; !key.missing() && !key.is_null()) {
      if (const auto text = key.string()) {
        out.api_key = *text;
      } else {
        errors_.body("string_type", "api_key", "Input should be a valid string");
      }
    }
    out.agent_id = id(root["agent_id"], "agent_id", {});
    read_events(root["events"], out.batch.events);
    return errors_.empty();
  }

  ValidationErrors& errors() { return errors_; }
  [[nodiscard]] std::size_t events() const { return event_count_; }

 private:
  void wrong(std::optional<std::size_t> index, std::string_view type, std::string_view field,
             std::string_view message) {
    if (index) {
      errors_.event(*index, type, field, message);
    } else {
      errors_.body(type, field, message);
    }
  }

  // The database cannot hold U+0000. Ids mostly repeat from event to event, so the last one of a field is reused.
  std::string_view kept(std::string_view text, std::string_view& last) {
    if (last.data() != nullptr && text == last) return last;
    if (text.find('\0') == std::string_view::npos) return last = storage_.arena.keep(text);
    std::string clean(text);
    std::erase(clean, '\0');
    return last = storage_.arena.keep(clean);
  }

  std::string_view id(const Value& value, std::string_view field, std::optional<std::size_t> index) {
    if (value.missing()) return wrong(index, "missing", field, "Field required"), std::string_view{};
    const auto text = value.string();
    if (!text) return wrong(index, "string_type", field, "Input should be a valid string"), std::string_view{};
    const auto result = kept(*text, last_[field == "run_id" ? 0u : field == "agent_id" ? 1u : 2u]);
    if (result.empty()) wrong(index, "string_too_short", field, "String should have at least 1 character");
    if (result.size() > kLongestId) {
      wrong(index, "string_too_long", field, "String should have at most " + std::to_string(kLongestId) + " bytes");
    }
    return result;
  }

  void read_events(const Value& events, std::vector<AcceptedEvent>& out) {
    if (events.missing()) return errors_.body("missing", "events", "Field required");
    if (!events.is_array()) return errors_.body("list_type", "events", "Input should be a valid list");
    event_count_ = events.size();
    if (event_count_ == 0) {
      return errors_.body("too_short", "events", "List should have at least 1 item after validation, not 0");
    }
    if (event_count_ > rules_.max_batch_size) {
      return errors_.body("too_long", "events",
                          "List should have at most " + std::to_string(rules_.max_batch_size) +
                              " items after validation, not " + std::to_string(event_count_));
    }
    raw_payloads_ = json::raw_members(storage_.body, "events", "payload");
    if (raw_payloads_.size() != event_count_) raw_payloads_.assign(event_count_, {});
    out.reserve(event_count_);
    events.each_element([&, index = std::size_t{0}](Value event) mutable {
      if (!errors_.full()) out.push_back(read_event(event, index));
      ++index;
    });
  }

  AcceptedEvent read_event(const Value& value, std::size_t index) {
    AcceptedEvent event;
    if (!value.is_object()) {
      errors_.event(index, "model_attributes_type", "",
                    "Input should be a valid dictionary or object to extract fields from");
      return event;
    }
    const auto m = members_of(value);
    event.kind = read_kind(m.event_type, index);
    event.run_id = id(m.run_id, "run_id", index);
    event.agent_id = id(m.agent_id, "agent_id", index);
    event.agent_version = id(m.agent_version, "agent_version", index);
    event.step_index = read_step(m.step_index, index);
    event.timestamp = read_timestamp(m.timestamp, index);
    event.parent_run_id = read_parent(m.parent_run_id, index);
    read_payload(m.payload, index, event);
    return event;
  }

  EventKind read_kind(const Value& value, std::size_t index) {
    if (value.missing()) return errors_.event(index, "missing", "event_type", "Field required"), EventKind::other;
    const auto name = value.string();
    if (!name) {
      errors_.event(index, "string_type", "event_type", "Input should be a valid string");
      return EventKind::other;
    }
    const auto kind = event_kind(*name);
    if (kind == EventKind::other) {
      errors_.event(index, "value_error", "event_type",
                    "unsupported event type '" + std::string(name->substr(0, kShownType)) + "'");
    }
    return kind;
  }

  std::int32_t read_step(const Value& value, std::size_t index) {
    constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
    if (value.missing()) return errors_.event(index, "missing", "step_index", "Field required"), 0;
    const auto step = integer_of(value);
    if (!step) {
      errors_.event(index, value.string() ? "int_parsing" : "int_type", "step_index",
                    "Input should be a valid integer");
    } else if (*step < 0) {
      errors_.event(index, "greater_than_equal", "step_index", "Input should be greater than or equal to 0");
    } else if (*step > kMost) {
      errors_.event(index, "less_than_equal", "step_index",
                    "Input should be less than or equal to " + std::to_string(kMost));
    } else {
      return static_cast<std::int32_t>(*step);
    }
    return 0;
  }

  double read_timestamp(const Value& value, std::size_t index) {
    if (value.missing()) return now_;
    const auto seconds = number_of(value);
    if (!seconds) {
      errors_.event(index, value.string() ? "float_parsing" : "float_type", "timestamp",
                    "Input should be a valid, finite number");
    }
    return seconds.value_or(0);
  }

  std::string_view read_parent(const Value& value, std::size_t index) {
    if (value.missing() || value.is_null()) return {};
    const auto text = value.string();
    if (!text) {
      errors_.event(index, "string_type", "parent_run_id", "Input should be a valid string");
      return {};
    }
    const auto parent = kept(*text, last_[3]);
    if (parent.size() > kLongestId) {
      errors_.event(index, "string_too_long", "parent_run_id",
                    "String should have at most " + std::to_string(kLongestId) + " bytes");
    }
    return parent.empty() ? std::string_view{} : parent;
  }

  // What is kept of a payload is the client's own bytes, but for what the database cannot hold or must not know.
  void read_payload(const Value& payload, std::size_t index, AcceptedEvent& event) {
    event.payload = "{}";
    if (payload.missing()) return;
    if (!payload.is_object()) return errors_.event(index, "dict_type", "payload", "Input should be a valid dictionary");
    std::string_view raw = raw_payloads_[index];
    if (raw.empty()) raw = storage_.arena.keep(json::to_text(payload));
    auto changed = json::storable(raw);
    if (rules_.rehash_legacy_fields) {
      if (auto guarded = without_reversible(changed ? std::string_view(*changed) : raw)) changed = std::move(guarded);
    }
    event.payload = changed ? storage_.arena.keep(*changed) : raw;
    if (event.kind == EventKind::run_started) {
      if (const auto model = payload["model"].string()) event.model = kept(*model, last_[4]);
    }
    if (event.kind == EventKind::llm_called || event.kind == EventKind::llm_responded) {
      event.prompt_tokens = tokens_of(payload["prompt_tokens"]);
      event.completion_tokens = tokens_of(payload["completion_tokens"]);
    }
  }

  Storage& storage_;
  const AdmissionRules& rules_;
  const double now_;
  ValidationErrors errors_;
  std::vector<std::string_view> raw_payloads_;
  std::string_view last_[5];  // run, agent, version, parent, model
  std::size_t event_count_ = 0;
};

}  // namespace

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

tl::expected<Admitted, Refusal> admit(std::string body, const AdmissionRules& rules, double now) {
  thread_local json::Parser parser;  // keeps its memory from request to request
  auto storage = std::make_shared<Storage>();
  storage->body = std::move(body);
  // It grew while it came in, up to twice its size, and may wait for the database for a while.
  if (storage->body.capacity() > storage->body.size() + storage->body.size() / 8) storage->body.shrink_to_fit();
  Reader reader(*storage, rules, now);
  if (is_blank(storage->body)) {
    reader.errors().body("missing", "", "Field required");
    return tl::unexpected(Refusal{reader.errors().take(), 0});
  }
  const auto root = parser.parse(storage->body);
  if (!root) {
    reader.errors().not_json(root.error().text);
    return tl::unexpected(Refusal{reader.errors().take(), 0});
  }
  Admitted admitted;
  const bool valid = reader.read(*root, admitted);
  if (storage->body.size() > kLargeBody) parser = json::Parser();
  if (!valid) return tl::unexpected(Refusal{reader.errors().take(), reader.events()});
  auto& batch = admitted.batch;
  batch.bytes = storage->body.capacity() + storage->arena.bytes() + batch.events.capacity() * sizeof(AcceptedEvent);
  batch.storage = std::move(storage);
  return admitted;
}

}  // namespace dunetrace::ingest
