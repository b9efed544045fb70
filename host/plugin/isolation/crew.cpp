#include "plugin/isolation/crew.hpp"

#include <unistd.h>

#include <algorithm>

#include "plugin/sink.hpp"

namespace dunetrace::plugin {
namespace {

// Thirty-two ordinary runs take half a megabyte; the largest that is replayed at all takes less than a third of this
// and fits into a half.
constexpr std::size_t kRegionBytes = 48 * 1024 * 1024;
constexpr std::size_t kHalfBytes = (kRegionBytes - kTableBytes) / 2;
constexpr std::size_t kOrdinaryBytes = 4 * 1024 * 1024;  // of a batch: what the region may hold for good
constexpr int kOrdinaryBatches = 4;                      // and then what a large one took is given back

}  // namespace

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

const dune_run* Crew::add(const Run& run, std::string_view category) { return runs_.add(run, category); }

Crew::Ticket Crew::ask(std::uint32_t seat, const dune_run* laid_out, const Run& run) {
  auto& group = *groups_[seats_[seat].group];
  group.asked.push_back({seat, laid_out, &run, false, false, {}});
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
