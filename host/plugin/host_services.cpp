#include "plugin/host_services.hpp"

#include <algorithm>

#include "plugin/host_extensions.hpp"
#include "plugin/log_only.hpp"
#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

std::uint32_t abi_type(json::Value::Kind kind) {
  using Kind = json::Value::Kind;
  switch (kind) {
    case Kind::boolean:
      return DUNE_JSON_TYPE_BOOL;
    case Kind::integer:
      return DUNE_JSON_TYPE_INT;
    case Kind::real:
      return DUNE_JSON_TYPE_FLOAT;
    case Kind::string:
      return DUNE_JSON_TYPE_STRING;
    case Kind::array:
      return DUNE_JSON_TYPE_ARRAY;
    case Kind::object:
      return DUNE_JSON_TYPE_OBJECT;
    case Kind::missing:
    case Kind::null:
      break;
  }
  return DUNE_JSON_TYPE_NULL;
}

constexpr std::size_t kMaxLogBytes = 2000;  // a line is for people

}  // namespace

struct HostCalls {
  static HostServices& self(const dune_host* h) { return *static_cast<HostServices*>(h->impl); }

  static void log(const dune_host* h, std::uint32_t level, dune_str message) noexcept {
    try {
      auto& host = self(h);
      const auto text = view(message).substr(0, kMaxLogBytes);
      const auto severity = static_cast<telemetry::Level>(level <= DUNE_LOG_DEBUG ? 0 : std::min(level - 1, 3U));
      host.services_.log(host.component_, host.run_id_, severity, text);
    } catch (...) {  // a log line that cannot be written must not end a plugin's call
    }
  }

  static const void* get_extension(const dune_host* h, dune_str id) noexcept {
    try {
      return self(h).extension(view(id));
    } catch (...) {
      return nullptr;
    }
  }

  static double unix_seconds(const dune_host* h) noexcept { return self(h).clock_.unix_seconds(); }
  static std::int64_t monotonic_ms(const dune_host* h) noexcept {
    const auto since = self(h).clock_.steady().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  }

  // A figure on its way to the services; `hand` is one of their functions.
  static dune_status figure(const dune_host* h, dune_str name, double value,
                            Result<> (Services::*hand)(std::string_view, std::string_view, double)) noexcept {
    try {
      auto& host = self(h);
      const auto taken = (host.services_.*hand)(host.component_, view(name), value);
      if (taken) return DUNE_OK;
      return taken.error().code == Code::invalid_argument ? DUNE_E_INVALID
             : taken.error().code == Code::denied         ? DUNE_E_LIMIT
                                                          : DUNE_E_INTERNAL;
    } catch (...) {
      return DUNE_E_INTERNAL;
    }
  }
  static dune_status counter_add(const dune_host* h, dune_str name, double amount) noexcept {
    return figure(h, name, amount, &Services::counter_add);
  }
  static dune_status observe(const dune_host* h, dune_str name, double value) noexcept {
    return figure(h, name, value, &Services::observe);
  }

  // Runs `get` on the value behind the pointer; DUNE_OK when it took it.
  template <class F>
  static dune_status with(const dune_host* h, dune_str text, dune_str pointer, F get) noexcept {
    try {
      const auto value = self(h).find(text, pointer);
      if (!value) return DUNE_E_INVALID;
      if (value->missing()) return DUNE_JSON_ABSENT;
      if (!get(*value)) return DUNE_JSON_OTHER_TYPE;
      return DUNE_OK;
    } catch (...) {
      return DUNE_E_LIMIT;
    }
  }

  template <class T, class V>
  static bool put(const std::optional<T>& from, V* to) {
    if (from) *to = static_cast<V>(*from);
    return from.has_value();
  }

  static dune_status type_of(const dune_host* h, dune_str j, dune_str p, std::uint32_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) {
      *out = abi_type(v.kind());
      return true;
    });
  }
  static dune_status get_i64(const dune_host* h, dune_str j, dune_str p, std::int64_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) { return put(v.integer(), out); });
  }
  static dune_status get_f64(const dune_host* h, dune_str j, dune_str p, double* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) { return put(v.number(), out); });
  }
  static dune_status get_bool(const dune_host* h, dune_str j, dune_str p, std::uint32_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) { return put(v.boolean(), out); });
  }
  static dune_status get_str(const dune_host* h, dune_str j, dune_str p, dune_str* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) {
      const auto text = v.string();
      if (text) *out = to_str(*text);
      return text.has_value();
    });
  }
  static dune_status get_raw(const dune_host* h, dune_str j, dune_str p, dune_str* out) noexcept {
    return with(h, j, p, [&](const json::Value&) {
      *out = to_str(json::raw_at(view(j), view(p)));
      return out->len > 0;
    });
  }
  static dune_status array_len(const dune_host* h, dune_str j, dune_str p, std::uint32_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) {
      if (v.is_array()) *out = static_cast<std::uint32_t>(v.size());
      return v.is_array();
    });
  }
};

namespace {

constexpr dune_host_json_v1 kJson = {sizeof(dune_host_json_v1), 0,
                                     HostCalls::type_of,        HostCalls::get_i64,
                                     HostCalls::get_f64,        HostCalls::get_bool,
                                     HostCalls::get_str,        HostCalls::get_raw,
                                     HostCalls::array_len};

constexpr dune_host_clock_v1 kClock = {sizeof(dune_host_clock_v1), 0, HostCalls::unix_seconds, HostCalls::monotonic_ms};
constexpr dune_host_metrics_v1 kMetrics = {sizeof(dune_host_metrics_v1), 0, HostCalls::counter_add, HostCalls::observe};

constexpr std::size_t kMostRefusals = 16;  // ids of a plugin that asks for ever new ones

}  // namespace

HostServices::HostServices(const Component& component, Services& services)
    : HostServices(component.schema.id, component.schema.kind != "detector", nullptr, &services) {}

HostServices::HostServices(std::string component, telemetry::Logger& log)
    : HostServices(std::move(component), false, std::make_unique<LogOnly>(log), nullptr) {}

HostServices::HostServices(std::string component, bool outward, std::unique_ptr<Services> own, Services* services)
    : component_(std::move(component)),
      outward_(outward),
      own_services_(std::move(own)),
      services_(services != nullptr ? *services : *own_services_) {
  host_.struct_size = sizeof host_;
  host_.abi_major = DUNE_ABI_MAJOR;
  host_.abi_minor = DUNE_ABI_MINOR;
  host_.impl = this;
  host_.name = to_str("dunetrace");
  host_.version = to_str(DUNETRACE_VERSION);
  host_.log = HostCalls::log;
  host_.get_extension = HostCalls::get_extension;
}

Result<json::Value> HostServices::find(dune_str text, dune_str pointer) {
  DUNE_TRY(root, parser_.parse(view(text)));
  return json::at_pointer(root, view(pointer));
}

// Unknown and not granted look the same to the plugin; its operator reads which it was.
const void* HostServices::extension(std::string_view id) {
  if (id == DUNE_EXT_HOST_JSON_V1) return &kJson;
  if (id == DUNE_EXT_HOST_METRICS_V1) return &kMetrics;
  if (id != DUNE_EXT_HOST_CLOCK_V1 && id != DUNE_EXT_HOST_HTTP_V1) {
    return refuse(id, "this host does not know it");
  }
  if (!outward_) return refuse(id, "only destinations and integrations get it");
  return id == DUNE_EXT_HOST_CLOCK_V1 ? static_cast<const void*>(&kClock) : &http_extension();
}

const void* HostServices::refuse(std::string_view id, std::string_view why) {
  std::string shown(id.substr(0, 100));
  {
    const std::lock_guard lock(mutex_);
    if (refused_.size() >= kMostRefusals || !refused_.insert(shown).second) return nullptr;
  }
  services_.log(component_, run_id_, telemetry::Level::warn,
                "asked for extension '" + shown + "': " + std::string(why));
  return nullptr;
}

}  // namespace dunetrace::plugin
