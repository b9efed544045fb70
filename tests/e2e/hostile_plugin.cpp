// What the worst plugins do, one detector for each deed, all in one library and so in one process: whose deed it was
// has to be found out. Each does it to the runs of the agent that is named after it, and finds something in every other
// run. Compiled by test_hostile_plugins.py against the plain contract, without the layer that keeps honest authors from
// this.
#include <dunetrace/plugin.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace {

#ifndef VERSION
#define VERSION "6.6.6"
#endif

template <std::size_t N>
constexpr dune_str str(const char (&text)[N]) {
  return {text, N - 1};
}

volatile int zero = 0;  // the optimiser is not to see through the deeds

dune_status emit(dune_sink* sink, dune_str type = {}) {
  dune_json* const json = sink->evidence;
  json->key(json, str("looked"));
  json->boolean(json, 1);
  dune_signal signal{};
  signal.struct_size = sizeof signal;
  signal.type = type;
  signal.severity = DUNE_SEVERITY_LOW;
  signal.confidence = 0.5;
  return sink->emit(sink, &signal);
}

dune_status null_pointer(const dune_run*, dune_sink*) {
  *reinterpret_cast<volatile int*>(static_cast<std::uintptr_t>(zero)) = 1;
  return DUNE_OK;
}

dune_status loop_for_ever(const dune_run*, dune_sink*) {
  for (;;) zero = 0;
}

dune_status allocate(const dune_run*, dune_sink*) {  // until there is no more, and keeps it
  for (;;) {
    auto* const block = static_cast<char*>(std::malloc(1 << 20));
    if (block == nullptr) return DUNE_E_LIMIT;
    std::memset(block, 1, 1 << 20);
  }
}

dune_status write_view(const dune_run* run, dune_sink*) {
  const_cast<dune_run*>(run)->current_step = 1'000'000;
  return DUNE_OK;
}

dune_status write_text(const dune_run* run, dune_sink*) {
  const_cast<char*>(run->agent_id.ptr)[0] = 'x';
  return DUNE_OK;
}

dune_status keep_pointer(const dune_run* run, dune_sink* sink) {  // of one run, and reads it in the next
  static const dune_run* kept = nullptr;
  if (kept != nullptr && kept->current_step == -1) zero = 1;
  kept = run;
  return emit(sink);
}

dune_status garbage_signal(const dune_run*, dune_sink* sink) {  // sizes, pointers and numbers of nothing
  dune_signal wild{};
  std::memset(static_cast<void*>(&wild), 0xA5, sizeof wild);
  return sink->emit(sink, &wild);
}

dune_status throw_up(const dune_run*, dune_sink*) { throw std::runtime_error("not me"); }
dune_status call_exit(const dune_run*, dune_sink*) { std::exit(0); }
dune_status call_abort(const dune_run*, dune_sink*) { std::abort(); }

dune_status call_fork(const dune_run*, dune_sink*) {
  if (::fork() == 0)
    for (;;) ::pause();
  return DUNE_OK;
}

dune_status open_socket(const dune_run*, dune_sink*) {
  ::socket(AF_INET, SOCK_STREAM, 0);
  return DUNE_OK;
}

dune_status open_file(const dune_run*, dune_sink*) {
  ::open("/etc/passwd", O_RDONLY);
  return DUNE_OK;
}

dune_status close_descriptors(const dune_run*, dune_sink*) {
  for (int fd = 0; fd < 64; ++fd) ::close(fd);
  return DUNE_OK;
}

dune_status million_signals(const dune_run*, dune_sink* sink) {
  for (int i = 0; i < 1'000'000; ++i) emit(sink);
  return DUNE_OK;
}

dune_status kill_parent(const dune_run*, dune_sink*) {
  ::kill(::getppid(), SIGKILL);
  return DUNE_OK;
}

dune_status overflow_stack(const dune_run* run, dune_sink* sink) {
  volatile char room[4096];
  room[0] = static_cast<char>(zero);
  return zero == 1 ? DUNE_OK : overflow_stack(run, sink) + room[0];
}

dune_status unknown_type(const dune_run*, dune_sink* sink) { return emit(sink, str("OF_NOBODY")); }

dune_status invalid_utf8(const dune_run*, dune_sink* sink) {  // is repaired: no offence
  dune_json* const json = sink->evidence;
  json->key(json, str("text\xFF\xC0"));
  json->str(json, str("\xFE\x80 \xED\xA0\x80 a\0b"));
  return emit(sink);
}

int token = 0;

dune_status create(const dune_host*, const dune_config*, void** out, dune_error*) {
  *out = &token;
  return DUNE_OK;
}

void destroy(void*) {}

using Deed = dune_status (*)(const dune_run*, dune_sink*);

template <Deed deed, const char* name>
dune_status detect(void*, const dune_run* run, dune_sink* sink, dune_error*) {
  const auto length = std::strlen(name);
  const bool mine = run->agent_id.len == length && std::memcmp(run->agent_id.ptr, name, length) == 0;
  return mine ? deed(run, sink) : emit(sink);
}

#define DEEDS(X)                                                                                                      \
  X(null_pointer, "SEEN_A")                                                                                           \
  X(loop_for_ever, "SEEN_B")                                                                                          \
  X(allocate, "SEEN_C")                                                                                               \
  X(write_view, "SEEN_D") X(write_text, "SEEN_E") X(keep_pointer, "SEEN_F") X(garbage_signal, "SEEN_G")               \
      X(throw_up, "SEEN_H") X(call_exit, "SEEN_I") X(call_abort, "SEEN_J") X(call_fork, "SEEN_K")                     \
          X(open_socket, "SEEN_L") X(open_file, "SEEN_M") X(close_descriptors, "SEEN_N") X(million_signals, "SEEN_O") \
              X(kill_parent, "SEEN_P") X(overflow_stack, "SEEN_Q") X(unknown_type, "SEEN_R") X(invalid_utf8, "SEEN_S")

#define TABLE(deed, type)                                                                                             \
  constexpr char name_##deed[] = #deed;                                                                               \
  const dune_template text_##deed = {                                                                                 \
      sizeof(dune_template), 0, {}, str(#deed " looked"), str("w"), str("y"), str("e"), nullptr};                     \
  const dune_detector_v1 table_##deed = {                                                                             \
      sizeof(dune_detector_v1),  0,      str(type), &text_##deed, 1, sizeof(dune_template), nullptr, create, destroy, \
      detect<deed, name_##deed>, nullptr};
DEEDS(TABLE)

#define COMPONENT(deed, type)   \
  {sizeof(dune_component),      \
   0,                           \
   str(DUNE_IFACE_DETECTOR_V1), \
   str(#deed),                  \
   str(#deed),                  \
   str("Does harm."),           \
   nullptr,                     \
   0,                           \
   0,                           \
   &table_##deed,               \
   nullptr},
const dune_component components[] = {DEEDS(COMPONENT)};

}  // namespace

extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) {
  static const dune_plugin plugin = {DUNE_MAGIC,
                                     DUNE_ABI_MAJOR,
                                     DUNE_ABI_MINOR,
                                     sizeof(dune_plugin),
                                     0,
                                     str("test.deeds"),
                                     str("Test"),
                                     str(VERSION),
                                     str("MIT"),
                                     components,
                                     sizeof components / sizeof *components,
                                     sizeof(dune_component)};
  return &plugin;
}
