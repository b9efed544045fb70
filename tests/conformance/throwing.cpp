// A detector whose C callback lets an exception out, which no layer of the SDK would do; see breaker.c.
#include <dunetrace/plugin.h>

#include <stdexcept>

namespace {

constexpr dune_str text(const char* from, std::size_t length) { return {from, length}; }
#define TEXT(literal) text(literal, sizeof(literal) - 1)

dune_status create(const dune_host*, const dune_config*, void** out, dune_error*) {
  static int instance;
  *out = &instance;
  return DUNE_OK;
}
void destroy(void*) {}
dune_status detect(void*, const dune_run*, dune_sink*, dune_error*) { throw std::runtime_error("not my day"); }

const dune_template kText = {sizeof(dune_template), 0,           TEXT("THROWING"), TEXT("title"),
                             TEXT("what"),          TEXT("why"), TEXT("summary"),  nullptr};
const dune_detector_v1 kTable = {sizeof(dune_detector_v1),
                                 0,
                                 TEXT("THROWING"),
                                 &kText,
                                 1,
                                 sizeof(dune_template),
                                 nullptr,
                                 create,
                                 destroy,
                                 detect,
                                 nullptr};
const dune_component kComponent = {sizeof(dune_component),
                                   0,
                                   TEXT(DUNE_IFACE_DETECTOR_V1),
                                   TEXT("throwing"),
                                   TEXT("Throwing"),
                                   TEXT("Throws an exception."),
                                   nullptr,
                                   0,
                                   0,
                                   &kTable,
                                   nullptr};
const dune_plugin kPlugin = {
    DUNE_MAGIC,   DUNE_ABI_MAJOR, DUNE_ABI_MINOR,     sizeof(dune_plugin), 0, TEXT("test.throwing"),
    TEXT("Test"), TEXT("1.0.0"),  TEXT("Apache-2.0"), &kComponent,         1, sizeof(dune_component)};

}  // namespace

extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) { return &kPlugin; }
