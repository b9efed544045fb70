#include "plugin/isolation/child.hpp"

#include <dlfcn.h>
#include <dunetrace/plugin.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "plugin/describe.hpp"
#include "plugin/detector.hpp"
#include "plugin/explain_call.hpp"
#include "plugin/isolation/channel.hpp"
#include "plugin/isolation/forwarded_services.hpp"
#include "plugin/isolation/library_codec.hpp"
#include "plugin/isolation/outward_codec.hpp"
#include "plugin/isolation/sandbox.hpp"
#include "plugin/isolation/window.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kMaxReasonBytes = 2000;

struct Arguments {
  std::int64_t parent = 0;
  std::uint64_t run_region = 0;  // address
  std::uint64_t run_bytes = 0;
  std::uint64_t answer_bytes = 0;
  std::uint64_t address_space = 0;
  std::uint64_t resident_bytes = 0;  // that it may hold between two calls
  std::uint64_t sandbox = 1;
};

std::optional<Arguments> read(std::span<char* const> texts) {
  Arguments out;
  const auto number = [](std::string_view text, auto& to) {
    return std::from_chars(text.data(), text.data() + text.size(), to).ec == std::errc();
  };
  if (texts.size() != 7 || !number(texts[0], out.parent) || !number(texts[1], out.run_region) ||
      !number(texts[2], out.run_bytes) || !number(texts[3], out.answer_bytes) || !number(texts[4], out.address_space) ||
      !number(texts[5], out.resident_bytes) || !number(texts[6], out.sandbox) || out.answer_bytes < kRecorderBytes ||
      (out.run_bytes > 0 && out.run_bytes < kTableBytes)) {
    return std::nullopt;
  }
  return out;
}

// To the millisecond: for whoever looks at a recorder, and a tenth of the price.
std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// Writes into the recorder that a call is under way, for as long as this object lives.
class Noted {
 public:
  Noted(FlightRecorder& recorder, Phase phase, std::uint32_t instance, std::uint32_t question) : recorder_(recorder) {
    recorder_.phase.store(static_cast<std::uint32_t>(phase), std::memory_order_relaxed);
    recorder_.instance.store(instance, std::memory_order_relaxed);
    recorder_.question.store(question, std::memory_order_relaxed);
    recorder_.started_ns.store(monotonic_ns(), std::memory_order_relaxed);
    recorder_.sequence.fetch_add(1, std::memory_order_release);
  }
  Noted(const Noted&) = delete;
  Noted& operator=(const Noted&) = delete;
  ~Noted() { recorder_.sequence.fetch_add(1, std::memory_order_release); }

 private:
  FlightRecorder& recorder_;
};

class Child {
 public:
  Child(Channel& channel, const Arguments& arguments, std::string missing, std::byte* answers)
      : channel_(channel),
        services_(channel),
        arguments_(arguments),
        missing_(std::move(missing)),
        recorder_(*reinterpret_cast<FlightRecorder*>(answers)),
        answers_(answers + kRecorderBytes),
        answer_bytes_(arguments.answer_bytes - kRecorderBytes) {}

  // Until the host has no more for it.
  int run() {
    if (!channel_.send(Message::reply, {}, kNoDeadline)) return kNoHost;
    for (;;) {
      const auto frame = channel_.receive(kNoDeadline);
      if (!frame) return kNoHost;
      services_.begin();
      Packer out;
      const auto kind = frame->kind == Message::ask ? Message::done : Message::reply;
      Unpacker in(frame->bytes);
      if (frame->kind == Message::ask) {
        ask(in, out);
      } else if (auto outcome = answer(frame->kind, in, out); !outcome) {
        out.clear();
        out.u32(static_cast<std::uint32_t>(outcome.error().code) + 1);
        out.text(std::string_view(outcome.error().text).substr(0, kMaxReasonBytes));
      }
      if (!channel_.send(kind, out.bytes(), kNoDeadline)) return kNoHost;
    }
  }

 private:
  struct Loaded {
    dune_entry_fn entry = nullptr;
    std::optional<Library> library;  // once it was described
  };

  // Writes "0" and the answer, or gives an error.
  Result<> answer(Message kind, Unpacker& in, Packer& out) {
    out.u32(0);
    switch (kind) {
      case Message::load:
        return load(in);
      case Message::close:
        confine_once({});
        opened_.clear();
        if (arguments_.sandbox != 0) close_sandbox(kChannelFd, missing_);
        out.text(missing_);
        return {};
      case Message::describe: {
        DUNE_TRY(library, described(in.u32()));
        pack(out, *library);
        return {};
      }
      case Message::create:
        return create(in);
      case Message::validate:
        return validate(in, out);
      case Message::explain:
        return explain(in, out);
      case Message::deliver:
        return deliver(in, out);
      case Message::invoke:
        return invoke(in, out);
      default:
        return fail(Code::invalid_argument, "a message that makes no sense");
    }
  }

  void confine_once(const std::vector<std::string>& files) {
    if (std::exchange(confined_, true) || arguments_.sandbox == 0) return;
    opened_ = confine(static_cast<pid_t>(arguments_.parent), kChannelFd, files, recorder_, missing_);
  }

  Result<> load(Unpacker& in) {
    const std::string file(in.text());
    confine_once(in.texts());
    const Noted noted(recorder_, Phase::load, 0, 0);
    // Each has a name of its own for as long as the linker may ask for it: descriptors stay open until all are loaded.
    const auto opened = opened_.find(file);
    const auto path =
        opened == opened_.end() || !opened->second ? file : "/proc/self/fd/" + std::to_string(opened->second.get());
    void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
      const char* const why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): one thread
      return fail(Code::invalid_argument, fmt::format("cannot be loaded: {}", why == nullptr ? "?" : why));
    }
    const auto entry = reinterpret_cast<dune_entry_fn>(::dlsym(handle, "dune_plugin_entry_v1"));
    if (entry == nullptr) return fail(Code::invalid_argument, "exports no dune_plugin_entry_v1, so it is no plugin");
    libraries_.push_back({entry, std::nullopt});
    return {};
  }

  Result<const Library*> described(std::uint32_t index) {
    if (index >= libraries_.size()) return fail(Code::internal, "no such library in this runner");
    auto& loaded = libraries_[index];
    if (!loaded.library) {
      const Noted noted(recorder_, Phase::describe, 0, 0);
      DUNE_TRY(library, describe(loaded.entry()));
      for (auto& component : library.components)
        if (component.schema.kind == "detector") component.schema.check = parameter_check(component);
      loaded.library = std::move(library);
    }
    return &*loaded.library;
  }

  Result<Entry> find(Unpacker& in) {
    DUNE_TRY(library, described(in.u32()));
    const auto id = in.text();
    for (const auto& component : library->components)
      if (component.schema.id == id) return Entry{library, &component};
    return fail(Code::internal, fmt::format("{}: not in this library any more", id));
  }

  Result<> create(Unpacker& in) {
    const auto instance = in.u32();
    DUNE_TRY(entry, find(in));
    DetectorOptions options;
    options.category = in.text();
    options.timeout = std::chrono::milliseconds(in.i64());
    options.values = in.values();
    const Noted noted(recorder_, Phase::create, instance, 0);
    const auto& kind = entry.component->schema.kind;
    if (kind == "alert") {
      DUNE_TRY(made, Destination::create(entry, std::move(options.values), services_));
      destinations_.insert_or_assign(instance, std::move(made));
    } else if (kind == "integration") {
      DUNE_TRY(made, Integration::create(entry, std::move(options.values), services_));
      integrations_.insert_or_assign(instance, std::move(made));
    } else {
      DUNE_TRY(made, Detector::create(entry, std::move(options), services_));
      detectors_.insert_or_assign(instance, std::move(made));
    }
    return {};
  }

  Result<> deliver(Unpacker& in, Packer& out) {
    const auto instance = in.u32();
    const auto batch = unpack_batch(in);
    const auto found = destinations_.find(instance);
    if (!in.done() || found == destinations_.end())
      return fail(Code::internal, "no such destination in this runner, or no such batch");
    const Noted noted(recorder_, Phase::deliver, instance, 0);
    pack(out, found->second.deliver(batch));
    return {};
  }

  Result<> invoke(Unpacker& in, Packer& out) {
    const auto instance = in.u32();
    const auto call = unpack_action(in);
    const auto found = integrations_.find(instance);
    if (!in.done() || found == integrations_.end())
      return fail(Code::internal, "no such integration in this runner, or no such action");
    const Noted noted(recorder_, Phase::invoke, instance, 0);
    DUNE_TRY(result, found->second.invoke(call));
    out.text(result);
    return {};
  }

  Result<> validate(Unpacker& in, Packer& out) {
    DUNE_TRY(entry, find(in));
    const auto values = in.values();
    const Noted noted(recorder_, Phase::validate, 0, 0);
    const auto& check = entry.component->schema.check;
    const auto wrong = check ? check(values) : std::nullopt;
    out.u32(wrong ? 1 : 0).text(std::string_view(wrong.value_or("")).substr(0, kMaxReasonBytes));
    return {};
  }

  Result<> explain(Unpacker& in, Packer& out) {
    DUNE_TRY(entry, find(in));
    ExplainInput input;
    input.signal_type = in.text();
    input.run_id = in.text();
    input.agent_id = in.text();
    input.evidence = in.text();
    input.severity = static_cast<Severity>(in.u32());
    input.confidence = in.f64();
    input.step_index = static_cast<std::int32_t>(in.u32());
    const Noted noted(recorder_, Phase::explain, 0, 0);
    const auto said = explain_once(*entry.component, input, services_);
    out.u32(said ? 1 : 0);
    if (!said) return {};
    out.u32(static_cast<std::uint32_t>(said->fields.size()));
    for (const auto& [field, text] : said->fields) out.text(field).text(text);
    out.u32(static_cast<std::uint32_t>(said->fixes.size()));
    for (const auto& fix : said->fixes) out.text(fix.description).text(fix.language).text(fix.code);
    return {};
  }

  // The answers go into the answer region; what is said here is that there are no more for now.
  void ask(Unpacker& in, Packer& out) {
    const auto* const questions = reinterpret_cast<const Question*>(in.u64());
    const auto first = in.u32();
    const auto count = in.u32();
    const auto begin = in.u64();
    window_.open(begin, in.u64());
    if (first == 0) {
      answered_ = 0;
      used_ = 0;
    }
    // A part that follows one with no room for all of its answers: the host asks again for both.
    bool room = true;
    for (auto i = first; i < count && answered_ == i && room; ++i) {
      answer_.clear();
      const auto& question = questions[i - first];
      window_.move_to(question.run);
      room = look(question, i);
      if (answer_.bytes().size() > answer_bytes_ - used_) {
        if (used_ > 0) break;  // the host asks again for the rest
        answer_.clear();
        pack_failure(question.index, false, "its signals take more room than there is");
      }
      std::memcpy(answers_ + used_, answer_.bytes().data(), answer_.bytes().size());
      used_ += answer_.bytes().size();
      answered_ = i + 1;
      recorder_.bytes.store(static_cast<std::uint32_t>(used_), std::memory_order_relaxed);
      recorder_.answered.store(answered_, std::memory_order_release);
    }
    window_.close();
    out.u32(answered_);
  }

  // False when it left no room for others: they are asked in another runner.
  bool look(const Question& question, std::uint32_t number) {
    const auto found = detectors_.find(question.instance);
    if (found == detectors_.end()) {
      pack_failure(question.index, false, "no such detector in this runner");
      return true;
    }
    const auto signals = [&] {
      const Noted noted(recorder_, Phase::detect, question.instance, number);
      return found->second.detect(*reinterpret_cast<const dune_run*>(question.run));
    }();
    if (!signals) return fail_question(question.index, signals.error());
    answer_.u32(question.index).u32(0).u32(static_cast<std::uint32_t>(signals->size()));
    for (const auto& one : *signals) {
      answer_.text(one.failure_type).u32(static_cast<std::uint32_t>(one.severity)).f64(one.confidence);
      answer_.u32(static_cast<std::uint32_t>(one.step_index)).text(one.evidence);
    }
    return true;
  }

  // Whoever fails because there is no memory left is the one that took it, and not the next that finds none.
  bool fail_question(std::uint32_t index, const Error& why) {
    constexpr std::size_t kMiB = 1024 * 1024;
    const auto heap = ::mallinfo2();
    const auto held = heap.uordblks + heap.hblkhd;
    const bool room = held <= arguments_.resident_bytes;
    if (room)
      pack_failure(index, why.code == Code::invalid_argument, why.text);
    else
      pack_failure(index, true,
                   fmt::format("held {} MiB of memory after it had failed, {} are allowed: {}", held / kMiB,
                               arguments_.resident_bytes / kMiB, why.text));
    return room;
  }

  void pack_failure(std::uint32_t index, bool violation, std::string_view reason) {
    answer_.u32(index).u32(violation ? 2 : 1).text(reason.substr(0, kMaxReasonBytes));
  }

  Channel& channel_;
  ForwardedServices services_;
  const Arguments& arguments_;
  std::string missing_;  // of the sandbox
  bool confined_ = false;
  std::map<std::string, Fd> opened_;  // libraries that are mapped through these, until all are loaded
  FlightRecorder& recorder_;
  std::byte* const answers_;
  const std::size_t answer_bytes_;
  std::deque<Loaded> libraries_;  // entries point into them
  std::map<std::uint32_t, Detector> detectors_;
  std::map<std::uint32_t, Destination> destinations_;
  std::map<std::uint32_t, Integration> integrations_;
  Window window_;
  Packer answer_;
  std::uint32_t answered_ = 0;  // of the present questions
  std::size_t used_ = 0;        // of the answer region
};

}  // namespace

int run_child(std::span<char* const> texts) {
  const auto arguments = read(texts);
  if (!arguments) return 2;
  std::string missing;
  if (arguments->sandbox != 0 &&
      !enter_sandbox(static_cast<pid_t>(arguments->parent), arguments->address_space, missing)) {
    return kNoHost;
  }
  if (arguments->run_bytes > 0) {
    auto* const wanted = reinterpret_cast<void*>(arguments->run_region);
    auto* const got =
        ::mmap(wanted, arguments->run_bytes, PROT_NONE, MAP_SHARED | MAP_FIXED_NOREPLACE, kRunRegionFd, 0);
    if (got != wanted) return kAddressTaken;
    auto* const tables = static_cast<std::byte*>(got) + arguments->run_bytes - kTableBytes;
    if (::mprotect(tables, kTableBytes, PROT_READ) != 0) return kNoHost;
  }
  auto* const answers =
      ::mmap(nullptr, arguments->answer_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, kAnswerRegionFd, 0);
  if (answers == MAP_FAILED) return kNoHost;
  ::close(kRunRegionFd);
  ::close(kAnswerRegionFd);
  Channel channel{Fd(kChannelFd)};
  const auto code = Child(channel, *arguments, std::move(missing), static_cast<std::byte*>(answers)).run();
  ::_exit(code);  // whatever a library left to be done at the end is not done
}

}  // namespace dunetrace::plugin
