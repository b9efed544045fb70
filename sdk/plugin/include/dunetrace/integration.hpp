// dunetrace/integration.hpp - the C++17 layer for integrations, header only, over dunetrace/plugin.h. No virtual type,
// exception or std:: object leaves the plugin.
//
//   struct Desk {
//     struct Params { std::string url; };
//     static constexpr const char *plugin_id = "example.desk", *vendor = "Example", *version = "1.0.0",
//                                 *license = "Apache-2.0", *id = "desk", *title = "Desk",
//                                 *doc = "One sentence for operators.";
//     static constexpr auto params = std::make_tuple(
//         dunetrace::required(&Params::url, "url", "", "Where the desk is."));
//     static constexpr dune_action actions[] = {
//         dunetrace::action("list", "List", "The open tickets.", R"({"type":"object","properties":{}})"),
//         dunetrace::mutating("open", "Open", "Opens a ticket.", R"({"type":"object",…})")};
//     Desk(const Params& p, dunetrace::Host host);
//     // [worker] Writes one JSON value, the result. Throws dunetrace::Failure to fail with a reason.
//     void invoke(const dunetrace::Call& call, dunetrace::JsonWriter& result);
//   };
//   DUNE_INTEGRATION_PLUGIN(Desk)
#pragma once
#include <dunetrace/json_text.hpp>
#include <dunetrace/params.hpp>
#include <dunetrace/signal.hpp>

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace dunetrace {
inline namespace v1 {

// One row of the table of actions. `input_schema` is a JSON schema of the input, an object.
constexpr dune_action action(const char* id, const char* title, const char* doc, const char* input_schema) noexcept {
  return {sizeof(dune_action), 0, lit(id), lit(title), lit(doc), lit(input_schema)};
}
// An action that changes something: it must know how to do as if (Call::dry_run) and describe the change in its result.
constexpr dune_action mutating(const char* id, const char* title, const char* doc, const char* input_schema) noexcept {
  return {sizeof(dune_action), 1, lit(id), lit(title), lit(doc), lit(input_schema)};
}

// What is asked for; texts are valid until invoke() returns.
class Call {
 public:
  explicit Call(const dune_call* call) noexcept : call_(call) {}
  const dune_call& raw() const noexcept { return *call_; }
  std::string_view action() const noexcept { return view(call_->action); }     // one of the table
  std::string_view input() const noexcept { return view(call_->input_json); }  // one JSON object; read with JsonReader
  // The same for every attempt at this call; send it to whoever makes the change.
  std::string_view idempotency_key() const noexcept { return view(call_->idempotency_key); }
  // Change nothing: say in the result what would be changed.
  bool dry_run() const noexcept { return call_->dry_run != 0; }
  // What the whole call may take. The host ends its HTTP exchanges then.
  std::chrono::milliseconds deadline() const noexcept { return std::chrono::milliseconds(call_->deadline_ms); }

 private:
  const dune_call* call_;
};

namespace detail {

// The C callbacks and tables of one integration class.
template <class D>
struct IntegrationThunk : Table<D> {
  static dune_status invoke(void* instance, const dune_call* call, dune_json* result, dune_error* error) noexcept {
    return guard(error, [&]() -> dune_status {
      JsonWriter out(result);
      static_cast<D*>(instance)->invoke(Call(call), out);
      return DUNE_OK;
    });
  }
  static const dune_plugin* plugin() noexcept {
    static const dune_integration_v1 vtable{sizeof(dune_integration_v1),
                                            static_cast<std::uint32_t>(std::size(D::actions)),
                                            std::data(D::actions),
                                            sizeof(dune_action),
                                            0,
                                            Table<D>::checked_create,
                                            Table<D>::destroy,
                                            invoke};
    return Table<D>::plugin(DUNE_IFACE_INTEGRATION_V1, &vtable);
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace dunetrace

// Once per library, in one source file.
#define DUNE_INTEGRATION_PLUGIN(D)                                       \
  extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) { \
    return ::dunetrace::detail::IntegrationThunk<D>::plugin();           \
  }
