// The runners of one detection thread: one for each isolated library of strangers, one for all of the host's own. Asked
// in batches; a plugin that ends its runner costs its own answer about that one run. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/run.hpp"
#include "core/signal.hpp"
#include "json/reader.hpp"
#include "plugin/conduct.hpp"
#include "plugin/detector.hpp"
#include "plugin/isolation/packing.hpp"
#include "plugin/isolation/region.hpp"
#include "plugin/isolation/runner.hpp"
#include "plugin/registry.hpp"
#include "plugin/run_space.hpp"

namespace dunetrace::plugin {

// What came of one question.
struct Answer {
  std::vector<Signal> signals;
  std::optional<std::string> failure;  // why there are none
  bool tried = false;                  // the detector itself gave this, be it signals or a failure
};

// How long a batch may take whose questions may take that long together.
[[nodiscard]] std::chrono::milliseconds batch_limit(std::chrono::milliseconds all_timeouts);

class Crew {
 public:
  // Everything but the options outlives the crew. `options.log` must be set.
  [[nodiscard]] static Result<std::unique_ptr<Crew>> make(const RunnerOptions& options, Conduct& conduct);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // A detector of an isolated library with its parameters; created in its runner when it is first asked. The number is
  // for ask(). The entry's library outlives the crew.
  [[nodiscard]] std::uint32_t seat(const Entry& entry, DetectorOptions options);

  struct Ticket {
    std::size_t group = 0, index = 0;
  };
  // A batch: begin, then add runs and ask about them, then send, and collect. Runs outlive the batch.
  void begin();
  [[nodiscard]] const dune_run* add(const Run& run, std::string_view category);  // nullptr: no room for it
  [[nodiscard]] Ticket ask(std::uint32_t seat, const dune_run* laid_out, const Run& run);
  void send();     // the runners begin with what was asked so far; may be followed by more
  void collect();  // every question is answered after it
  [[nodiscard]] Answer take(Ticket ticket);
  // Answers are missing because the host is stopping; there will be no more of them.
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  // Between batches, as often as one likes: runners of components that are all off go, and what has ended is reaped.
  void sweep();

  // Process ids of the runners there are, for tests and figures.
  [[nodiscard]] std::vector<pid_t> pids() const;

 private:
  struct Seat {
    Entry entry;
    DetectorOptions options;
    std::size_t group;
    std::optional<std::string> broken;  // cannot be created, and never will with these parameters
  };
  struct Asked {
    std::uint32_t seat;
    const dune_run* laid_out;
    const Run* run;
    bool answered = false;
    bool struck = false;  // what it did is known already
    Answer answer;
  };
  struct Group {
    std::vector<const Library*> libraries;
    std::map<const Library*, std::uint32_t> loaded;    // number in the runner there is
    std::map<const Library*, std::string> unloadable;  // for good
    std::map<const Library*, std::string> skipped;     // for this batch: it ended a runner while it was loaded
    std::map<std::uint32_t, std::string> uncreated;    // for this batch: seats whose create() ended a runner
    std::set<std::uint32_t> created;                   // seats in the runner there is
    std::unique_ptr<Runner> runner;
    std::vector<Asked> asked;
    std::vector<std::uint32_t> order;  // of the present ask: which of `asked`
    bool sent = false;
    std::size_t sent_up_to = 0;  // of `asked`, while something is under way
    std::uint32_t read = 0;      // of `order`: whose answers were read
    std::size_t read_bytes = 0;  // of the answers
    int quiet_ends = 0;          // of runners in a row, with no call under way
  };

  Crew(const RunnerOptions& options, Conduct& conduct, Region region);
  std::size_t group_of(const Library& library);
  [[nodiscard]] std::span<std::byte> half() const;
  void renew_region();
  void send(Group& group);
  void send_more(Group& group);
  [[nodiscard]] Runner::Pages pages_of(const Group& group, std::size_t from) const;
  [[nodiscard]] const Question* write_table(const Group& group, std::size_t from);
  void collect(Group& group);
  bool prepare(Group& group);
  bool start(Group& group);
  bool load_all(Group& group);
  bool create_all(Group& group);
  bool create(Group& group, std::uint32_t seat);
  void read_answers(Group& group);
  [[nodiscard]] bool read_answer(Group& group, std::uint32_t index, Unpacker& in);
  void take_end(Group& group);
  void rest(Group& group, const std::string& why);
  void take_idle_end(Group& group);
  bool stopping(Group& group);
  [[nodiscard]] bool all_off(const Group& group) const;
  bool strike(const Seat& seat, const Run* run, Offence offence, const std::string& text);
  void fail_seat(Group& group, std::uint32_t seat, const std::string& why);
  void fail_library(Group& group, const Library& library, const std::string& why);
  void fail_all(Group& group, const std::string& why);
  void drop_off(Group& group, const Seat& seat);
  void check_memory(Group& group);
  void drop_runner(Group& group);
  [[nodiscard]] const Asked* pending_of(const Group& group, const Library& library) const;

  const RunnerOptions options_;
  Conduct& conduct_;
  telemetry::Logger& log_;
  Region region_;
  // Batches are laid out in two halves of the region by turns, so that nothing a plugin kept of the one before can be
  // read when it is asked again.
  int half_ = 0;
  RunSpace runs_, tables_;  // parts of the region
  int batches_since_large_ = 0;
  bool holds_large_ = false;  // memory that a large batch took
  std::vector<Seat> seats_;
  std::vector<std::unique_ptr<Group>> groups_;
  json::Parser parser_;
  bool told_missing_ = false;
  bool interrupted_ = false;
};

}  // namespace dunetrace::plugin
