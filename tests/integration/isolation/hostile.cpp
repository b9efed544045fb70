// The worst plugin: does what its parameter says to every run whose id begins with "evil", and finds a signal in every
// other one. Written against the plain contract, without the layer that keeps honest authors from most of this.
#include <dunetrace/plugin.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "plugin/isolation/channel.hpp"

namespace {

constexpr dune_str str(const char* text) { return {text, std::char_traits<char>::length(text)}; }

struct State {
  std::string deed;
  const dune_run* kept = nullptr;
};

volatile int sink_of_values = 0;  // keeps the optimiser from seeing through the deeds

int overflow(int depth) {
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return depth == sink_of_values - 1 ? 0 : overflow(depth + 1) + room[0];
}

dune_status emit(dune_sink* sink) {
  dune_json* const json = sink->evidence;
  json->key(json, str("found"));
  json->boolean(json, 1);
  dune_signal signal{};
  signal.struct_size = sizeof signal;
  signal.severity = DUNE_SEVERITY_LOW;
  signal.confidence = 0.5;
  return sink->emit(sink, &signal);
}

void allocate_without_end() {
  for (;;) {
    auto* const block = static_cast<char*>(std::malloc(1 << 20));
    if (block == nullptr) return;
    std::memset(block, 1, 1 << 20);
  }
}

// The shared memory of the answers is the one mapping of that file that can be written to; its place is found by
// asking the kernel which pages are mapped, without opening anything.
void write_over_answers() {
  for (auto at = std::uintptr_t{0x7fffffffe000}; at > 0x7f0000000000; at -= 0x1000) {
    auto* const page = reinterpret_cast<void*>(at);
    if (::madvise(page, 0x1000, MADV_REMOVE) == 0) std::memset(page, 0xFF, 0x1000);  // only shared memory can do that
  }
}

void close_everything() {
  for (int fd = 0; fd < 1024; ++fd) ::close(fd);
}

std::string frame(dunetrace::plugin::Message kind, bool line) {
  std::string body;
  const auto number = [](std::string& to, std::uint32_t value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto text = [&](const std::string& value) {
    number(body, static_cast<std::uint32_t>(value.size()));
    body += value;
  };
  text("worst");
  text("x");
  if (line) {
    number(body, 0);
    text("x");
  } else {
    body.append(sizeof(double), '\0');
  }
  std::string whole;
  number(whole, static_cast<std::uint32_t>(kind));
  number(whole, static_cast<std::uint32_t>(body.size()));
  return whole + body;
}

[[noreturn]] void talk_for_ever(const std::string& what, bool answered) {
  char answer[4096];
  for (;;) {
    if (::send(3, what.data(), what.size(), MSG_NOSIGNAL) < 0) ::_exit(9);
    if (answered && ::recv(3, answer, sizeof answer, 0) <= 0) ::_exit(9);
  }
}

using Deed = dune_status (*)(State&, const dune_run*, dune_sink*, dune_error*);
struct Named {
  const char* name;
  Deed deed;
};

const Named kDeeds[] = {
    {"null_pointer",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       *reinterpret_cast<volatile int*>(static_cast<std::uintptr_t>(sink_of_values)) = 1;
       return DUNE_OK;
     }},
    {"loop",
     [](State&, const dune_run*, dune_sink* sink, dune_error*) -> dune_status {
       while (sink->cancelled(sink) == 0) sink_of_values = 0;
       return DUNE_E_CANCELLED;
     }},
    {"loop_for_ever",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       for (;;) sink_of_values = 0;
     }},
    {"allocate",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       allocate_without_end();
       return DUNE_E_LIMIT;
     }},
    {"share",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       ::mmap(nullptr, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
       return DUNE_OK;
     }},
    {"write_view",
     [](State&, const dune_run* run, dune_sink*, dune_error*) -> dune_status {
       const_cast<dune_run*>(run)->current_step = 1'000'000;
       return DUNE_OK;
     }},
    {"unprotect_view",
     [](State&, const dune_run* run, dune_sink*, dune_error*) -> dune_status {
       auto* const page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(run) & ~std::uintptr_t{4095});
       ::mprotect(page, 4096, PROT_READ | PROT_WRITE);
       const_cast<dune_run*>(run)->current_step = 1'000'000;
       return DUNE_OK;
     }},
    {"throw", [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status { throw std::runtime_error("no"); }},
    {"exit", [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status { std::exit(0); }},
    {"quick_exit", [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status { ::_exit(0); }},
    {"abort", [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status { std::abort(); }},
    {"fork",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       if (::fork() == 0)
         for (;;) ::pause();
       return DUNE_OK;
     }},
    {"socket",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       ::socket(AF_INET, SOCK_STREAM, 0);
       return DUNE_OK;
     }},
    {"open",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       ::open("/etc/passwd", O_RDONLY);
       return DUNE_OK;
     }},
    {"exec",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       char name[] = "/bin/true";
       char* const arguments[] = {name, nullptr};
       ::execv(name, arguments);
       return DUNE_OK;
     }},
    {"kill_parent",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       ::kill(::getppid(), SIGKILL);
       return DUNE_OK;
     }},
    {"close_all",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       close_everything();
       return DUNE_OK;
     }},
    {"million_signals",
     [](State&, const dune_run*, dune_sink* sink, dune_error*) -> dune_status {
       for (int i = 0; i < 1'000'000; ++i) emit(sink);
       return DUNE_OK;
     }},
    {"bad_utf8",
     [](State&, const dune_run*, dune_sink* sink, dune_error*) -> dune_status {
       dune_json* const json = sink->evidence;
       json->key(json, str("text\xFF\xC0"));
       json->str(json, str("\xFE\x80\xED\xA0\x80"));
       return emit(sink);
     }},
    {"bad_evidence",
     [](State&, const dune_run*, dune_sink* sink, dune_error*) -> dune_status {
       dune_signal signal{};
       signal.struct_size = sizeof signal;
       signal.severity = DUNE_SEVERITY_LOW;
       signal.evidence_json = str("{\"a\":\xFF");
       sink->emit(sink, &signal);
       return DUNE_OK;
     }},
    {"sleep",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       ::sleep(1000);
       return DUNE_OK;
     }},
    {"write_answers",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       write_over_answers();
       return DUNE_OK;
     }},
    {"write_channel",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       const std::string garbage(1000, '\xFF');
       ::send(3, garbage.data(), garbage.size(), MSG_NOSIGNAL);
       return DUNE_OK;
     }},
    {"stop",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       ::raise(SIGSTOP);
       return DUNE_OK;
     }},
    {"stack", [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status { return overflow(1); }},
    {"thread",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       std::thread([] {}).join();
       return DUNE_OK;
     }},
    {"fail",
     [](State&, const dune_run*, dune_sink*, dune_error* error) -> dune_status {
       error->message_len = 1'000'000;
       std::memset(error->message, '\xFF', sizeof error->message);
       return DUNE_E_INTERNAL;
     }},
    {"flood",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       std::string many;
       for (int i = 0; i < 500; ++i) many += frame(dunetrace::plugin::Message::log, true);
       talk_for_ever(many, false);
     }},
    {"chatter",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       talk_for_ever(frame(dunetrace::plugin::Message::counter, false), true);
     }},
    {"long_line",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       const std::uint32_t header[2] = {static_cast<std::uint32_t>(dunetrace::plugin::Message::log), 1U << 20};
       ::send(3, header, sizeof header, MSG_NOSIGNAL);
       for (;;) ::sleep(1);
     }},
    {"kill_self",
     [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status {
       ::raise(SIGKILL);
       return DUNE_OK;
     }},
    {"log", [](State&, const dune_run*, dune_sink*, dune_error*) -> dune_status { return DUNE_OK; }},
};

#ifdef GROWS
// Takes memory when nobody asks it anything: as soon as its host has made a file.
__attribute__((constructor)) void grow() {
  std::thread([] {
    const auto go = "/tmp/dunetrace-grow-" + std::to_string(::getppid());
    while (::access(go.c_str(), F_OK) != 0) ::usleep(5'000);
    for (int i = 0; i < 400; ++i) std::memset(std::malloc(1 << 20), 1, 1 << 20);
    for (;;) ::pause();
  }).detach();
}
#endif

#ifdef SHARES
// Memory of its own that counts as shared with others: taken where nothing forbids it yet, filled when it is asked.
constexpr std::size_t kShared = 400 << 20;
void* shared = nullptr;
__attribute__((constructor)) void share() {
  shared = ::mmap(nullptr, kShared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}
#endif

dune_status create(const dune_host*, const dune_config* config, void** out, dune_error*) {
  auto* const state = new State;
  state->deed.assign(config->values[0].as.s.ptr, config->values[0].as.s.len);
  if (state->deed == "create") std::abort();
  if (state->deed == "create_throws") {
    delete state;
    throw std::runtime_error("not today");
  }
  if (state->deed == "create_for_ever")
    for (;;) sink_of_values = 0;
  *out = state;
  return DUNE_OK;
}

void destroy(void* instance) {
  auto* const state = static_cast<State*>(instance);
  if (state->deed == "destroy") std::abort();
  delete state;
}

dune_status validate(const dune_config* config, dune_error* error) {
  const std::string deed(config->values[0].as.s.ptr, config->values[0].as.s.len);
  if (deed == "validate") std::abort();
  if (deed != "refuse") return DUNE_OK;
  error->message_len = 2;
  std::memcpy(error->message, "no", 2);
  return DUNE_E_CONFIG;
}

dune_status detect(void* instance, const dune_run* run, dune_sink* sink, dune_error* error) {
  auto& state = *static_cast<State*>(instance);
  const std::string id(run->run_id.ptr, run->run_id.len);
  if (state.deed == "keep" && state.kept != nullptr) sink_of_values = state.kept->current_step;
  state.kept = run;
#ifdef SHARES
  if (shared != MAP_FAILED) std::memset(shared, 1, kShared);
#endif
  if (id.rfind("evil", 0) != 0) return emit(sink);
  for (const auto& one : kDeeds)
    if (state.deed == one.name) return one.deed(state, run, sink, error);
  return emit(sink);
}

dune_status explain(const dune_explain_in* in, dune_explain_out* out, dune_error*) {
  const std::string run(in->run_id.ptr, in->run_id.len);
  if (run == "evil") std::abort();
  out->set(out, str("title"), str("Found by the worst plugin"));
  return DUNE_OK;
}

const dune_template kText = {sizeof(dune_template), 0, str("WORST"), str("t"), str("w"), str("y"), str("e"), nullptr};
const dune_detector_v1 kTable = {sizeof(dune_detector_v1),
                                 0,
                                 str("WORST"),
                                 &kText,
                                 1,
                                 sizeof(dune_template),
                                 validate,
                                 create,
                                 destroy,
                                 detect,
                                 explain};

dune_param_spec deed_parameter() {
  dune_param_spec spec{};
  spec.struct_size = sizeof spec;
  spec.name = str("deed");
  spec.type = DUNE_VALUE_STRING;
  spec.def.type = DUNE_VALUE_STRING;
  spec.def.as.s = str("none");
  spec.doc = str("What is done to runs whose id begins with evil.");
  return spec;
}

}  // namespace

extern "C" DUNE_EXPORT const dune_plugin* dune_plugin_entry_v1(void) {
  static const dune_param_spec param = deed_parameter();
  static const dune_component component = {sizeof(dune_component),
                                           0,
                                           str(DUNE_IFACE_DETECTOR_V1),
                                           str("worst"),
                                           str("Worst"),
                                           str("Does harm."),
                                           &param,
                                           1,
                                           sizeof(dune_param_spec),
                                           &kTable,
                                           nullptr};
  static const dune_plugin plugin = {
      DUNE_MAGIC,  DUNE_ABI_MAJOR, DUNE_ABI_MINOR, sizeof(dune_plugin), 0, str("test.worst"),
      str("Test"), str("6.6.6"),   str("MIT"),     &component,          1, sizeof(dune_component)};
  return &plugin;
}
