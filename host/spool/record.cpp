#include "spool/record.hpp"

#include <cstring>
#include <optional>

namespace dunetrace::spool {
namespace {

// Most events of a batch are of one run: what repeats the event before is a bit.
enum Flag : std::uint8_t {
  kSameRun = 1,
  kSameAgent = 2,
  kSameVersion = 4,
  kSameParent = 8,
  kHasParent = 16,
  kHasModel = 32,
  kHasTokens = 64
};

bool same(std::string_view a, std::string_view b) { return (a.data() == nullptr) == (b.data() == nullptr) && a == b; }

class Out {
 public:
  explicit Out(std::size_t expected) { bytes_.reserve(expected); }
  template <class T>
  void number(T value) {  // little-endian, as every machine this runs on
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class In {
 public:
  explicit In(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T number() {
    T value{};
    if (!has(sizeof value)) return value;
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string_view text() {
    const auto size = number<std::uint32_t>();
    if (!has(size)) return "";
    const auto value = bytes_.substr(at_, size);
    at_ += size;
    return value;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

 private:
  bool has(std::size_t size) { return good_ = good_ && size <= left(); }

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool good_ = true;
};

void write_event(Out& out, const AcceptedEvent& event, const AcceptedEvent* before) {
  std::uint8_t flags = 0;
  if (before != nullptr) {
    if (event.run_id == before->run_id) flags |= kSameRun;
    if (event.agent_id == before->agent_id) flags |= kSameAgent;
    if (event.agent_version == before->agent_version) flags |= kSameVersion;
    if (same(event.parent_run_id, before->parent_run_id)) flags |= kSameParent;
  }
  if (event.parent_run_id.data() != nullptr) flags |= kHasParent;
  if (event.model.data() != nullptr) flags |= kHasModel;
  if (event.prompt_tokens != 0 || event.completion_tokens != 0) flags |= kHasTokens;
  out.number(flags);
  out.text(wire_name(event.kind));
  out.number(event.step_index);
  out.number(event.timestamp);
  if ((flags & kSameRun) == 0) out.text(event.run_id);
  if ((flags & kSameAgent) == 0) out.text(event.agent_id);
  if ((flags & kSameVersion) == 0) out.text(event.agent_version);
  if ((flags & kSameParent) == 0 && (flags & kHasParent) != 0) out.text(event.parent_run_id);
  if ((flags & kHasModel) != 0) out.text(event.model);
  if ((flags & kHasTokens) != 0) {
    out.number(event.prompt_tokens);
    out.number(event.completion_tokens);
  }
  out.text(event.payload);
}

AcceptedEvent read_event(In& in, const AcceptedEvent& before) {
  AcceptedEvent event;
  const auto flags = in.number<std::uint8_t>();
  event.kind = event_kind(in.text());
  event.step_index = in.number<std::int32_t>();
  event.timestamp = in.number<double>();
  event.run_id = (flags & kSameRun) != 0 ? before.run_id : in.text();
  event.agent_id = (flags & kSameAgent) != 0 ? before.agent_id : in.text();
  event.agent_version = (flags & kSameVersion) != 0 ? before.agent_version : in.text();
  if ((flags & kSameParent) != 0)
    event.parent_run_id = before.parent_run_id;
  else if ((flags & kHasParent) != 0)
    event.parent_run_id = in.text();
  if ((flags & kHasModel) != 0) event.model = in.text();
  if ((flags & kHasTokens) != 0) {
    event.prompt_tokens = in.number<std::int64_t>();
    event.completion_tokens = in.number<std::int64_t>();
  }
  event.payload = in.text();
  return event;
}

}  // namespace

std::string to_record(const AcceptedBatch& batch) {
  constexpr std::size_t kUsualEvent = 64;  // bytes beside the payload
  std::size_t expected = 128;
  for (const auto& event : batch.events) expected += kUsualEvent + event.payload.size();
  Out out(expected);
  out.text(batch.batch_id);
  out.text(batch.customer_id);
  out.number(static_cast<std::uint32_t>(batch.events.size()));
  const AcceptedEvent* before = nullptr;
  for (const auto& event : batch.events) {
    write_event(out, event, before);
    before = &event;
  }
  return out.take();
}

Result<AcceptedBatch> from_record(std::string record) {
  constexpr std::size_t kLeastEvent = 21;  // bytes
  auto storage = std::make_shared<const std::string>(std::move(record));
  In in(*storage);
  AcceptedBatch batch;
  batch.batch_id = in.text();
  batch.customer_id = in.text();
  const auto count = in.number<std::uint32_t>();
  if (in.good() && count <= in.left() / kLeastEvent) {
    batch.events.reserve(count);
    for (std::uint32_t i = 0; i < count && in.good(); ++i) {
      batch.events.push_back(read_event(in, batch.events.empty() ? AcceptedEvent{} : batch.events.back()));
    }
  }
  if (!in.good() || batch.events.size() != count || in.left() != 0) {
    return fail(Code::invalid_argument, "the record makes no sense from byte " + std::to_string(in.at()));
  }
  batch.bytes = storage->capacity() + batch.events.capacity() * sizeof(AcceptedEvent);
  batch.storage = std::move(storage);
  return batch;
}

std::uint64_t checksum(std::string_view bytes, std::uint64_t position) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15u;  // multiplying by it loses nothing, and mixes upwards
  std::uint64_t sum = (bytes.size() ^ position * kOdd) * kOdd;
  const auto mix = [&sum](std::uint64_t word) {
    sum = (sum ^ word) * kOdd;
    sum ^= sum >> 32;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    mix(word);
  }
  std::uint64_t rest = 0;
  if (at < bytes.size()) std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  mix(rest);
  return sum;
}

}  // namespace dunetrace::spool
