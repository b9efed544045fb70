// Plugins that do harm before anybody asks them anything. DEED says which harm this library does.
#include <dunetrace/plugin.h>
#include <unistd.h>

#include <cstdlib>

#define CRASHING_CONSTRUCTOR 1
#define ENDLESS_CONSTRUCTOR 2
#define CRASHING_ENTRY 3
#define GARBAGE_TABLES 4
#define NO_DESCRIPTOR 5
#define EXITING_CONSTRUCTOR 6

namespace {

[[maybe_unused]] volatile int now = 1;

#if DEED == CRASHING_CONSTRUCTOR
__attribute__((constructor)) void harm() { std::abort(); }
#elif DEED == ENDLESS_CONSTRUCTOR
__attribute__((constructor)) void harm() {
  while (now != 0) {
  }
}
#elif DEED == EXITING_CONSTRUCTOR
__attribute__((constructor)) void harm() { ::_exit(0); }
#endif

}  // namespace

extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) {
#if DEED == CRASHING_ENTRY
  std::abort();
#elif DEED == GARBAGE_TABLES
  static dune_plugin plugin = {DUNE_MAGIC,
                               DUNE_ABI_MAJOR,
                               DUNE_ABI_MINOR,
                               sizeof(dune_plugin),
                               0,
                               {},
                               {},
                               {},
                               {},
                               reinterpret_cast<const dune_component*>(16),
                               3,
                               sizeof(dune_component)};
  plugin.id = plugin.vendor = plugin.version = plugin.license = {"x", 1};
  return &plugin;
#else
  return nullptr;
#endif
}
