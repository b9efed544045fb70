#include "plugin/isolation/crew.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "json/writer.hpp"
#include "plugin/isolation/packing.hpp"
#include "plugin/sink.hpp"

namespace dunetrace::plugin {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// Thirty-two ordinary runs take half a megabyte; the largest that is replayed at all takes less than a third of this
// and fits into a half.
constexpr std::size_t kRegionBytes = 48 * 1024 * 1024;
constexpr std::size_t kHalfBytes = (kRegionBytes - kTableBytes) / 2;
constexpr std::size_t kOrdinaryBytes = 4 * 1024 * 1024;  // of a batch: what the region may hold for good
constexpr int kOrdinaryBatches = 4;                      // and then what a large one took is given back
// Holds the largest answer there can be: eight signals with evidence of a megabyte each.
constexpr std::size_t kAnswerBytes = 12 * 1024 * 1024;
constexpr milliseconds kShortestBatch{2'000};
// Runners that nobody's call ended, in a row: the first is replaced at once, the others after a while, and then it is
// the machine that has no room for them.
constexpr int kMostQuietEnds = 5;
constexpr milliseconds kBackOff{20};  // doubled each time

}  // namespace

// No detector that keeps to its own timeout is ever stopped by it: each question is watched on its own, up to twice its
// timeout. This is for a runner that lies about how far it is.
milliseconds batch_limit(milliseconds all_timeouts) { return std::max(2 * all_timeouts, kShortestBatch); }

Result<std::unique_ptr<Crew>> Crew::make(const RunnerOptions& options, Conduct& conduct) {
  DUNE_TRY(region, Region::make(kRegionBytes, Region::Writers::host_only));
  return std::unique_ptr<Crew>(new Crew(options, conduct, std::move(region)));
}

Crew::Crew(const RunnerOptions& options, Conduct& conduct, Region region)
    : options_(options),
      conduct_(conduct),
      log_(*options.log),
      region_(std::move(region)),
      runs_(half(), options.record_padding_bytes, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
      tables_({region_.data() + kRegionBytes - kTableBytes, kTableBytes}),
      parser_(kMaxEvidenceDepth + 1) {}

Crew::~Crew() = default;

std::span<std::byte> Crew::half() const {
  return {region_.data() + static_cast<std::size_t>(half_) * kHalfBytes, kHalfBytes};
}

// The seal that keeps runners from writing into the region keeps the host from giving single pages of it back. So it is
// the whole region, and the runners that have it mapped; not at once, because who sends large runs sends more of them.
void Crew::renew_region() {
  auto fresh = Region::make(kRegionBytes, Region::Writers::host_only);
  if (!fresh) return;  // tried again after the next batches
  for (auto& group : groups_) drop_runner(*group);
  region_ = std::move(*fresh);
  tables_.move_to({region_.data() + kRegionBytes - kTableBytes, kTableBytes});
  holds_large_ = false;
}

// A library of strangers is alone with itself, so that it is certain who ended a runner.
std::size_t Crew::group_of(const Library& library) {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    auto& group = *groups_[i];
    if (std::ranges::count(group.libraries, &library)) return i;
    if (!library.first_party || !group.libraries.front()->first_party) continue;
    group.libraries.push_back(&library);
    drop_runner(group);  // it has given away the right to load more
    return i;
  }
  groups_.push_back(std::make_unique<Group>());
  groups_.back()->libraries.push_back(&library);
  return groups_.size() - 1;
}

std::uint32_t Crew::seat(const Entry& entry, DetectorOptions options) {
  const auto group = group_of(*entry.library);
  seats_.push_back({entry, std::move(options), group, std::nullopt});
  return static_cast<std::uint32_t>(seats_.size() - 1);
}

void Crew::begin() {
  if (runs_.used() > kOrdinaryBytes) {
    holds_large_ = true;
    batches_since_large_ = 0;
  } else if (holds_large_ && ++batches_since_large_ >= kOrdinaryBatches) {
    batches_since_large_ = 0;
    renew_region();
  }
  half_ = 1 - half_;
  runs_.move_to(half());
  tables_.clear();
  for (auto& group : groups_) {
    group->asked.clear();
    group->skipped.clear();
    group->uncreated.clear();
    group->sent = false;
  }
  sweep();
}

void Crew::sweep() {
  for (auto& group : groups_) {
    group->asked.clear();  // of the batch before
    if (!group->runner) continue;
    if (!group->runner->still_there())
      take_idle_end(*group);
    else if (all_off(*group))
      drop_runner(*group);
  }
}

// Ended when nobody asked it anything. Nobody can tell what that was about, but for a library that is alone with
// itself.
void Crew::take_idle_end(Group& group) {
  const auto end = group.runner->end();
  drop_runner(group);
  const auto& library = *group.libraries.front();
  log_.warn("plugin.runner_ended", {{"library", library.id}, {"reason", end.text}});
  if (library.first_party || end.killed_outside) return;
  const auto seat = std::ranges::find(seats_, &library, [](const Seat& one) { return one.entry.library; });
  if (seat != seats_.end()) strike(*seat, nullptr, end.offence, end.text);
}

const dune_run* Crew::add(const Run& run, std::string_view category) { return runs_.add(run, category); }

Crew::Ticket Crew::ask(std::uint32_t seat, const dune_run* laid_out, const Run& run) {
  auto& group = *groups_[seats_[seat].group];
  group.asked.push_back({seat, laid_out, &run, false, {}});
  return {seats_[seat].group, group.asked.size() - 1};
}

void Crew::send() {
  for (auto& group : groups_) {
    if (group->sent)
      send_more(*group);
    else
      send(*group);
  }
}

void Crew::collect() {
  for (auto& group : groups_) collect(*group);
}

Answer Crew::take(Ticket ticket) { return std::move(groups_[ticket.group]->asked[ticket.index].answer); }

std::vector<pid_t> Crew::pids() const {
  std::vector<pid_t> out;
  for (const auto& group : groups_)
    if (group->runner) out.push_back(group->runner->pid());
  return out;
}

// Everything that has no answer yet goes to the runner. Where that is not possible it gets an answer here.
void Crew::send(Group& group) {
  group.sent = false;
  while (std::ranges::any_of(group.asked, [](const Asked& one) { return !one.answered; })) {
    if (stopping(group)) return;
    if (!prepare(group)) continue;
    group.order.clear();
    for (std::uint32_t i = 0; i < group.asked.size(); ++i)
      if (!group.asked[i].answered) group.order.push_back(i);
    if (group.order.empty()) return;
    const auto* const table = write_table(group, 0);
    if (table == nullptr) return fail_all(group, "too many questions at once");
    group.sent_up_to = group.asked.size();
    if (group.runner->ask(table, 0, static_cast<std::uint32_t>(group.order.size()), pages_of(group, 0))) {
      group.sent = true;
      return;
    }
    take_end(group);
  }
}

// The host does not wait for plugins then: the runner goes, and whatever it was asked will be asked by the next start.
bool Crew::stopping(Group& group) {
  if (!options_.stop.stop_requested()) return false;
  interrupted_ = true;
  group.sent = false;
  if (group.runner) group.runner->give_up(Offence::exit, "the host is stopping");
  drop_runner(group);
  fail_all(group, "the host is stopping");
  return true;
}

// What was asked since, behind what the runner has already, so that it works while the next runs are laid out. What
// needs more than that waits until collect().
void Crew::send_more(Group& group) {
  const auto ready = [&](const Asked& one) { return group.created.contains(one.seat); };
  if (!std::all_of(group.asked.begin() + static_cast<std::ptrdiff_t>(group.sent_up_to), group.asked.end(), ready))
    return;
  const auto before = group.order.size();
  for (auto i = group.sent_up_to; i < group.asked.size(); ++i) group.order.push_back(static_cast<std::uint32_t>(i));
  if (group.order.size() == before) return;
  const auto* const table = write_table(group, before);
  const bool sent =
      table != nullptr && group.runner->ask(table, static_cast<std::uint32_t>(before),
                                            static_cast<std::uint32_t>(group.order.size()), pages_of(group, before));
  if (sent)
    group.sent_up_to = group.asked.size();
  else
    group.order.resize(before);  // collect() finds out what the matter is
}

// Runs lie in the order in which they were asked about: the pages from the first of these to the end of what there is.
Runner::Pages Crew::pages_of(const Group& group, std::size_t from) const {
  return {reinterpret_cast<const std::byte*>(group.asked[group.order[from]].laid_out), runs_.end()};
}

const Question* Crew::write_table(const Group& group, std::size_t from) {
  auto* const table = static_cast<Question*>(tables_.allocate((group.order.size() - from) * sizeof(Question)));
  if (table == nullptr) return nullptr;
  for (auto i = from; i < group.order.size(); ++i) {
    const auto& asked = group.asked[group.order[i]];
    table[i - from] = {reinterpret_cast<std::uintptr_t>(asked.laid_out), asked.seat, group.order[i]};
  }
  return table;
}

void Crew::collect(Group& group) {
  while (group.sent) {
    milliseconds all{0};
    for (const auto index : group.order) all += seats_[group.asked[index].seat].options.timeout;
    const auto until = SteadyClock::now() + batch_limit(all);
    const auto timeouts = [&](std::uint32_t number) {
      return seats_[group.asked[group.order[number]].seat].options.timeout;
    };
    static_cast<void>(group.runner->finish(timeouts, until));  // its end is looked at below
    if (!group.runner->alive() && stopping(group)) return;
    read_answers(group);
    if (group.runner->alive())
      group.quiet_ends = 0;
    else
      take_end(group);
    send(group);  // what is left
  }
  if (group.runner) check_memory(group);
  if (group.runner && all_off(group)) drop_runner(group);
}

// A runner with everything loaded and created that is asked. False when something changed and the caller looks again.
bool Crew::prepare(Group& group) {
  if (!group.runner) return start(group) && load_all(group) && create_all(group);
  return create_all(group);
}

bool Crew::start(Group& group) {
  for (const auto& [library, why] : group.unloadable) fail_library(group, *library, why);
  for (const auto& [library, why] : group.skipped) fail_library(group, *library, why);
  for (const auto& [seat, why] : group.uncreated) fail_seat(group, seat, why);
  if (std::ranges::all_of(group.asked, [](const Asked& one) { return one.answered; })) return false;
  auto started = Runner::start(options_, &region_, kAnswerBytes);
  if (!started) {
    log_.error("plugin.runner_failed", {{"reason", started.error().text}});
    fail_all(group, started.error().text);
    return false;
  }
  group.runner = std::move(*started);
  group.runner->speak_for([&group](std::string_view id) {
    return std::ranges::any_of(group.libraries, [&](const Library* library) {
      return std::ranges::any_of(library->components, [&](const Component& one) { return one.schema.id == id; });
    });
  });
  return true;
}

bool Crew::load_all(Group& group) {
  std::uint32_t number = 0;
  std::vector<std::filesystem::path> files;
  for (const auto* const library : group.libraries) files.push_back(library->file);
  for (const auto* const library : group.libraries) {
    if (group.skipped.contains(library) || group.unloadable.contains(library)) continue;
    const auto* const pending = pending_of(group, *library);
    if (const auto loaded = group.runner->load(library->file, files); loaded) {
      group.loaded[library] = number++;
    } else if (group.runner->alive()) {
      group.unloadable[library] = loaded.error().text;
      log_.error("plugin.not_loaded", {{"file", library->path}, {"reason", loaded.error().text}});
      fail_library(group, *library, loaded.error().text);
    } else {
      const auto end = group.runner->end();
      group.skipped.emplace(library, end.text);
      if (pending != nullptr) strike(seats_[pending->seat], nullptr, end.offence, end.text);
      fail_library(group, *library, end.text);
      drop_runner(group);
      return false;
    }
  }
  if (const auto closed = group.runner->close(); !closed) {
    // Nobody's call was under way: a thread of some library, or the machine.
    if (!group.libraries.front()->first_party && !group.asked.empty())
      strike(seats_[group.asked.front().seat], nullptr, group.runner->end().offence, closed.error().text);
    fail_all(group, closed.error().text);
    drop_runner(group);
    return false;
  }
  if (!group.runner->missing().empty() && !std::exchange(told_missing_, true))
    log_.warn("plugin.sandbox_incomplete", {{"missing", group.runner->missing()}});
  return true;
}

bool Crew::create_all(Group& group) {
  for (const auto& asked : group.asked) {
    if (asked.answered || group.created.contains(asked.seat)) continue;
    if (!create(group, asked.seat)) return false;
  }
  return true;
}

// False when the runner ended meanwhile.
bool Crew::create(Group& group, std::uint32_t number) {
  auto& seat = seats_[number];
  const auto& id = seat.entry.component->schema.id;
  if (seat.broken) {
    fail_seat(group, number, *seat.broken);
    return true;
  }
  if (const auto ended = group.uncreated.find(number); ended != group.uncreated.end()) {
    fail_seat(group, number, ended->second);
    return true;
  }
  const auto loaded = group.loaded.find(seat.entry.library);
  if (loaded == group.loaded.end()) {  // nor will it be in this runner
    const auto why = group.skipped.contains(seat.entry.library) ? group.skipped.at(seat.entry.library)
                                                                : group.unloadable.at(seat.entry.library);
    fail_seat(group, number, why);
    return true;
  }
  Packer question;
  question.u32(number).u32(loaded->second).text(id).text(seat.options.category).i64(seat.options.timeout.count());
  question.values(seat.options.values);
  const auto made = group.runner->call(Message::create, question.bytes(), options_.setup_limit);
  if (made) {
    group.created.insert(number);
    return true;
  }
  if (group.runner->alive()) {
    seat.broken = made.error().text;
    if (made.error().code == Code::internal) strike(seat, nullptr, Offence::violation, made.error().text);  // it threw
    log_.error("detector.create_failed", {{"detector", id}, {"reason", made.error().text}});
    fail_seat(group, number, made.error().text);
    return true;
  }
  const auto end = group.runner->end();
  drop_runner(group);
  group.uncreated.emplace(number, end.text);
  strike(seat, nullptr, end.offence, end.text);
  fail_seat(group, number, end.text);
  return false;
}

void Crew::read_answers(Group& group) {
  const auto bytes = group.runner->answers();
  Unpacker in(bytes);
  for (std::uint32_t i = 0; i < group.runner->answered(); ++i) {
    if (read_answer(group, group.order[i], in)) continue;
    group.runner->give_up(Offence::violation, "wrote answers that make no sense");
    return;
  }
  if (group.runner->alive() && group.runner->answered() == 0)
    group.runner->give_up(Offence::violation, "answered nothing that it was asked");
  group.runner->tidy();
}

// False when it cannot be what an honest runner wrote. What a plugin did wrong is an answer, too.
bool Crew::read_answer(Group& group, std::uint32_t index, Unpacker& in) {
  auto& asked = group.asked[index];
  const auto& seat = seats_[asked.seat];
  if (in.u32() != index) return false;
  const auto outcome = in.u32();
  if (outcome == 1 || outcome == 2) {
    asked.answer.failure = json::repair_utf8(in.text());
    if (!in.ok()) return false;
    asked.answered = true;
    asked.answer.tried = outcome == 1;
    if (outcome == 2 && strike(seat, asked.run, Offence::violation, *asked.answer.failure)) drop_off(group, seat);
    return true;
  }
  const auto count = in.u32();
  if (outcome != 0 || !in.ok() || count > kMaxSignalsPerCall) return false;
  std::vector<Signal> signals;
  for (std::uint32_t i = 0; i < count; ++i) {
    Claim claim;
    claim.type = in.text();
    claim.severity = in.u32();
    claim.confidence = in.f64();
    claim.step_index = static_cast<std::int32_t>(in.u32());
    claim.evidence = in.text();
    if (!in.ok()) return false;
    auto signal = check_signal(*seat.entry.component, asked.run->current_step, std::move(claim), parser_);
    if (!signal) return false;  // its runner checks by the same rules
    signal->detector_version = seat.entry.library->version;
    signals.push_back(std::move(*signal));
  }
  asked.answer.signals = std::move(signals);
  asked.answer.tried = true;
  asked.answered = true;
  return true;
}

// The runner is gone. Whose call was under way did it; between calls that is the library, when it is alone.
void Crew::take_end(Group& group) {
  const auto end = group.runner->end();
  const bool alone = !group.libraries.front()->first_party;
  const auto culprit = std::ranges::find_if(group.order, [&](std::uint32_t i) { return !group.asked[i].answered; });
  const bool inside = end.in_call && culprit != group.order.end();
  auto& asked = group.asked[culprit == group.order.end() ? group.order.back() : *culprit];
  const auto& seat = seats_[asked.seat];
  drop_runner(group);
  log_.warn("plugin.runner_ended", {{"component", inside || alone ? seat.entry.component->schema.id : std::string()},
                                    {"run", inside ? asked.run->source.run_id : std::string()},
                                    {"reason", end.text}});
  // The memory of the machine was short, or an operator did it: neither says anything about one of several plugins.
  const bool blamed = alone || (inside && !end.killed_outside);
  // Asked again when it had not begun, but for one that does harm between its calls: it would do so for ever.
  if (inside || (alone && !end.killed_outside)) {
    asked.answered = true;
    if (!asked.answer.failure) asked.answer.failure = end.text;
  }
  if (blamed && strike(seat, inside ? asked.run : nullptr, end.offence, end.text)) drop_off(group, seat);
  if (!inside) rest(group, end.text);
}

// After an end that was nobody's call.
void Crew::rest(Group& group, const std::string& why) {
  if (++group.quiet_ends > kMostQuietEnds) {
    log_.error("plugin.runner_does_not_stay", {{"ends", group.quiet_ends}, {"reason", why}});
    group.quiet_ends = 0;
    return fail_all(group, why);
  }
  if (group.quiet_ends > 1) std::this_thread::sleep_for(kBackOff * (1 << (group.quiet_ends - 2)));
}

bool Crew::strike(const Seat& seat, const Run* run, Offence offence, const std::string& text) {
  const auto& library = *seat.entry.library;
  if (options_.stop.stop_requested()) return false;  // it may be the host's doing
  // A batch may hold many answers of one that is off since the first of them: they say nothing more.
  if (conduct_.off(seat.entry.component->schema.id, library.sha256)) return true;
  return conduct_.strike({.component = seat.entry.component->schema.id,
                          .library = library.id,
                          .version = library.version,
                          .sha256 = library.sha256,
                          .offence = offence,
                          .customer_id = run == nullptr ? std::string() : run->source.customer_id,
                          .run_id = run == nullptr ? std::string() : run->source.run_id,
                          .text = text});
}

// The component is off from now on: it is not asked the rest.
void Crew::drop_off(Group& group, const Seat& seat) {
  const auto& id = seat.entry.component->schema.id;
  const auto why = conduct_.off(id, seat.entry.library->sha256).value_or("quarantined");
  for (std::uint32_t i = 0; i < seats_.size(); ++i)
    if (seats_[i].entry.component == seat.entry.component) fail_seat(group, i, why);
}

void Crew::fail_seat(Group& group, std::uint32_t seat, const std::string& why) {
  for (auto& asked : group.asked) {
    if (asked.answered || asked.seat != seat) continue;
    asked.answered = true;
    asked.answer.failure = why;
  }
}

void Crew::fail_library(Group& group, const Library& library, const std::string& why) {
  for (std::uint32_t i = 0; i < seats_.size(); ++i)
    if (seats_[i].entry.library == &library) fail_seat(group, i, why);
}

void Crew::fail_all(Group& group, const std::string& why) {
  for (const auto* const library : group.libraries) fail_library(group, *library, why);
}

const Crew::Asked* Crew::pending_of(const Group& group, const Library& library) const {
  const auto found = std::ranges::find_if(
      group.asked, [&](const Asked& one) { return !one.answered && seats_[one.seat].entry.library == &library; });
  return found == group.asked.end() ? nullptr : &*found;
}

// What a plugin does not give back stays with its runner, so the runner goes.
void Crew::check_memory(Group& group) {
  const auto held = group.runner->resident_bytes();
  if (held <= options_.resident_bytes) return;
  constexpr std::size_t kMiB = 1024 * 1024;
  const auto text =
      fmt::format("held {} MiB of memory after a batch, {} are allowed", held / kMiB, options_.resident_bytes / kMiB);
  drop_runner(group);
  log_.warn("plugin.runner_too_large", {{"library", group.libraries.front()->id}, {"reason", text}});
  const auto failed =
      std::ranges::find_if(group.asked, [](const Asked& one) { return one.answer.failure.has_value(); });
  // Among the host's own libraries nobody knows who took it, unless somebody failed for it.
  if (failed == group.asked.end() && group.libraries.front()->first_party) return;
  if (failed != group.asked.end()) {
    strike(seats_[failed->seat], failed->run, Offence::violation, text);
  } else if (!group.asked.empty()) {
    strike(seats_[group.asked.back().seat], group.asked.back().run, Offence::violation, text);
  } else {  // it grew without being asked anything
    const auto of_group = [&](const Seat& one) { return one.entry.library == group.libraries.front(); };
    if (const auto seat = std::ranges::find_if(seats_, of_group); seat != seats_.end())
      strike(*seat, nullptr, Offence::violation, text);
  }
}

// Nobody will ask it anything. Looked at when it shows: a component that is off is not asked, or fails.
bool Crew::all_off(const Group& group) const {
  const auto failed = [](const Asked& one) { return one.answer.failure.has_value(); };
  if (!group.asked.empty() && std::ranges::none_of(group.asked, failed)) return false;
  return std::ranges::all_of(seats_, [&](const Seat& one) {
    return groups_[one.group].get() != &group ||
           conduct_.off(one.entry.component->schema.id, one.entry.library->sha256).has_value();
  });
}

void Crew::drop_runner(Group& group) {
  group.runner.reset();
  group.loaded.clear();
  group.created.clear();
}

}  // namespace dunetrace::plugin
