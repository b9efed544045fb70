// Memory that the host shares with a runner: a sealed memfd, so that its size is for ever what the host made it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/result.hpp"
#include "plugin/isolation/channel.hpp"

namespace dunetrace::plugin {

class Region {
 public:
  enum class Writers : std::uint8_t { host_only, both };
  // Mapped read-write here. host_only: from then on nobody, in any process, can map it for writing.
  [[nodiscard]] static Result<Region> make(std::size_t bytes, Writers writers);
  Region(Region&& other) noexcept;
  Region& operator=(Region&& other) noexcept;
  ~Region();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Gives the pages behind the first `keep` bytes back; they read as zero. Not for host_only regions, whose seal keeps
  // the host from doing so, too.
  void discard(std::size_t keep);

 private:
  Region(Fd fd, std::byte* data, std::size_t size) : fd_(std::move(fd)), data_(data), size_(size) {}
  Fd fd_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// What a runner was doing when it was last able to write it down. In the first page of its answer region; the host
// believes none of it more than it has to.
enum class Phase : std::uint32_t { idle, load, describe, validate, create, detect, explain, deliver, invoke };

struct FlightRecorder {
  std::atomic<std::uint64_t> sequence;   // counts up before and after each call: odd = in a call
  std::atomic<std::int64_t> started_ns;  // CLOCK_MONOTONIC_COARSE
  std::atomic<std::uint32_t> phase;
  std::atomic<std::uint32_t> instance;  // of `create`
  std::atomic<std::uint32_t> question;  // of the present `ask`
  std::atomic<std::uint32_t> denied;    // system call that was refused, plus one
  std::atomic<std::uint32_t> answered;  // questions of the present `ask`
  std::atomic<std::uint32_t> bytes;     // of answers
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the recorder is shared between processes");

constexpr std::size_t kRecorderBytes = 4096;  // the answers follow
// Tables of questions, at the end of the run region. A runner can read them at any time, and the runs before them only
// while it is asked about them.
constexpr std::size_t kTableBytes = std::size_t{1024} * 1024;

// One thing a runner is asked: a run to look at and who looks. The host writes these into the run region.
struct Question {
  std::uint64_t run;       // address of a dune_run, in either process
  std::uint32_t instance;  // of `create`
  std::uint32_t index;     // what the answer must say
};

[[nodiscard]] const char* to_text(Phase phase);

}  // namespace dunetrace::plugin
