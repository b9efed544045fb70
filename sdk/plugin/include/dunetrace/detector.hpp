// dunetrace/detector.hpp - the C++17 layer for detectors, header only, over dunetrace/plugin.h. No virtual type,
// exception or std:: object leaves the plugin: every C callback is noexcept and turns exceptions into dune_error.
//
//   struct Loop {
//     struct Params { std::int64_t window = 5; };
//     static constexpr const char *plugin_id = "example.loop", *vendor = "Example", *version = "1.0.0",
//                                 *license = "Apache-2.0", *id = "loop", *title = "Loop", *signal = "LOOP",
//                                 *doc = "One sentence for operators.";
//     static constexpr auto params = std::make_tuple(
//         dunetrace::param(&Params::window, "window", 5, 1, 100, "calls", "How many calls are looked at."));
//     static constexpr dune_template templates[] = {{sizeof(dune_template), 0, dunetrace::lit("LOOP"), …}};
//     static const char* check(const Params& p);             // optional: why the values make no sense together
//     explicit Loop(const Params& p);                        // or Loop(const Params& p, dunetrace::Host host)
//     void detect(dunetrace::Run run, dunetrace::Sink& out); // [worker] one thread at a time per instance
//   };
//   DUNE_DETECTOR_PLUGIN(Loop)
#pragma once
#include <dunetrace/params.hpp>
#include <dunetrace/signal.hpp>

#include <iterator>
#include <string_view>

namespace dunetrace {
inline namespace v1 {
namespace detail {

// The C callbacks and tables of one detector class.
template <class D>
struct Thunk : Table<D> {
  using typename Table<D>::P;

  static dune_status validate(const dune_config* config, dune_error* error) noexcept {
    return guard(error, [&]() -> dune_status {
      const P params = Table<D>::load(config);
      if (const char* why = Table<D>::check(params)) return fail(error, DUNE_E_CONFIG, why);
      return DUNE_OK;
    });
  }
  static dune_status create(const dune_host* host, const dune_config* config, void** out, dune_error* error) noexcept {
    return guard(error, [&]() -> dune_status { return *out = Table<D>::make(Table<D>::load(config), host), DUNE_OK; });
  }
  static dune_status detect(void* instance, const dune_run* run, dune_sink* sink, dune_error* error) noexcept {
    return guard(error, [&]() -> dune_status {
      Sink out(sink);
      static_cast<D*>(instance)->detect(Run(run), out);
      return DUNE_OK;
    });
  }
  static const dune_plugin* plugin() noexcept {
    static const dune_detector_v1 vtable{sizeof(dune_detector_v1),
                                         0,
                                         lit(D::signal),
                                         std::data(D::templates),
                                         static_cast<std::uint32_t>(std::size(D::templates)),
                                         sizeof(dune_template),
                                         validate,
                                         create,
                                         Table<D>::destroy,
                                         detect,
                                         nullptr};
    return Table<D>::plugin(DUNE_IFACE_DETECTOR_V1, &vtable);
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace dunetrace

// Once per library, in one source file.
#define DUNE_DETECTOR_PLUGIN(D)                                          \
  extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) { \
    return ::dunetrace::detail::Thunk<D>::plugin();                      \
  }
