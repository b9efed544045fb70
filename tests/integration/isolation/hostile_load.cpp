// Plugins that do harm before anybody asks them anything. DEED says which harm this library does.
#include <dunetrace/plugin.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#define CRASHING_CONSTRUCTOR 1
#define ENDLESS_CONSTRUCTOR 2
#define CRASHING_ENTRY 3
#define GARBAGE_TABLES 4
#define NO_DESCRIPTOR 5
#define EXITING_CONSTRUCTOR 6
#define CONNECTING_CONSTRUCTOR 7
#define FORKING_CONSTRUCTOR 8
#define THREADING_CONSTRUCTOR 9
#define EXECUTING_CONSTRUCTOR 10
#define KILLING_CONSTRUCTOR 11
#define DIRECTORY_CONSTRUCTOR 12
#define WRITING_CONSTRUCTOR 13
#define PRYING_CONSTRUCTOR 14
#define OWNING_CONSTRUCTOR 15
#define SECRETS_CONSTRUCTOR 16

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
#elif DEED == CONNECTING_CONSTRUCTOR
__attribute__((constructor)) void harm() { ::socket(AF_INET, SOCK_STREAM, 0); }
#elif DEED == FORKING_CONSTRUCTOR
__attribute__((constructor)) void harm() {
  if (::fork() == 0)
    for (;;) ::pause();
}
#elif DEED == THREADING_CONSTRUCTOR
__attribute__((constructor)) void harm() {
  std::thread([] {
    for (;;) ::pause();
  }).detach();
}
#elif DEED == EXECUTING_CONSTRUCTOR
__attribute__((constructor)) void harm() { ::execl("/bin/true", "true", nullptr); }
#elif DEED == KILLING_CONSTRUCTOR
__attribute__((constructor)) void harm() { ::kill(::getppid(), 0); }
#elif DEED == DIRECTORY_CONSTRUCTOR
__attribute__((constructor)) void harm() { ::mkdir("/tmp/made-by-a-constructor", 0700); }
#elif DEED == WRITING_CONSTRUCTOR
__attribute__((constructor)) void harm() { ::open("/tmp/made-by-a-constructor", O_WRONLY | O_CREAT, 0600); }
#elif DEED == PRYING_CONSTRUCTOR
// Ends its process when it can do any of this.
__attribute__((constructor)) void harm() {
  char environment[64];
  std::snprintf(environment, sizeof environment, "/proc/%d/environ", static_cast<int>(::getppid()));
  for (const char* const file : {static_cast<const char*>(environment), "/etc/passwd", "/proc/self/environ"})
    if (::open(file, O_RDONLY) >= 0) ::_exit(9);
  if (::open("/", O_RDONLY | O_DIRECTORY) >= 0) ::_exit(10);
  if (::getuid() == 0 || ::geteuid() == 0) ::_exit(11);
}
#elif DEED == SECRETS_CONSTRUCTOR
__attribute__((constructor)) void harm() {
  if (::open("/etc/shadow", O_RDONLY) >= 0) ::_exit(9);
}
#elif DEED == OWNING_CONSTRUCTOR
__attribute__((constructor)) void harm() { ::fcntl(3, F_SETOWN, ::getppid()); }
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
