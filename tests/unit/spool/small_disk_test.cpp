// The spool on a disk that is full: whatever is acknowledged gives its room back.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>

#include "batches.hpp"
#include "testing/wait.hpp"

namespace dunetrace::spool {
namespace {

class SmallDisk : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(place.file.parent_path());
    if (::mount("tmpfs", place.file.parent_path().c_str(), "tmpfs", 0, "size=24m,mode=700") != 0)
      GTEST_SKIP() << "may mount no file system here: " << std::strerror(errno);
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(place.file.parent_path().c_str(), MNT_DETACH);
  }

  // Until one is refused, and no carrying over makes room for it either.
  int fill(DiskSpool& spool) {
    int accepted = 0;
    for (int refused = 0; refused < 20;) {
      auto batch = make_batch("b" + std::to_string(accepted), 18, 0, GetParam());
      batch.idempotency_key = "key " + std::to_string(accepted * 7919 % 100'003);
      if (append_now(spool, std::move(batch)) == Append::accepted)
        ++accepted;
      else
        ++refused;
    }
    return accepted;
  }

  SpoolPlace place;

 private:
  bool mounted_ = false;
};

TEST_P(SmallDisk, GivesItsRoomBackHoweverMuchIsAcknowledgedAtOnce) {
  const auto spool = place.open();
  for (int times = 0; times < 3; ++times) {
    const auto accepted = fill(*spool);
    EXPECT_GT(accepted, 100);
    EXPECT_EQ(drain(*spool).size(), static_cast<std::size_t>(accepted));
    EXPECT_TRUE(testing::wait_until([&] { return append_now(*spool, make_batch("next", 18)) == Append::accepted; }))
        << "once more after " << times << " times; " << (place.log.lines().empty() ? "" : place.log.lines().back());
    EXPECT_EQ(drain(*spool), std::vector<std::string>{"next"});
  }
}

INSTANTIATE_TEST_SUITE_P(PayloadBytes, SmallDisk, ::testing::Values(20, 200, 1'000, 10'000));

}  // namespace
}  // namespace dunetrace::spool
