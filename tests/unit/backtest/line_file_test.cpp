#include "backtest/line_file.hpp"

#include <gtest/gtest.h>

#include "recordings.hpp"
#include "testing/temp_dir.hpp"

namespace dunetrace::backtest {
namespace {

using dunetrace::testing::TempDir;
using dunetrace::testing::write_file;

class Lines : public ::testing::Test {
 protected:
  std::vector<std::string> read(std::string_view content) {
    write_file(dir_ / "f", content);
    auto file = LineFile::open(dir_ / "f");
    std::vector<std::string> out;
    while (true) {
      std::string_view line;
      const auto next = file->next(line);
      if (!next) {
        error_ = next.error().text;
        return out;
      }
      if (*next == LineFile::Next::end) return out;
      out.emplace_back(*next == LineFile::Next::too_long ? "(too long)" : line);
    }
  }
  TempDir dir_;
  std::string error_;
};

using Strings = std::vector<std::string>;

TEST_F(Lines, AreCutAtLineBreaksOfEitherKind) {
  EXPECT_EQ(read("one\ntwo\r\n\nlast"), (Strings{"one", "two", "", "last"}));
  EXPECT_EQ(read("one\n"), Strings{"one"});
  EXPECT_EQ(read(""), Strings{});
}

TEST_F(Lines, LoseAByteOrderMark) { EXPECT_EQ(read("\xEF\xBB\xBFone\n"), Strings{"one"}); }

TEST_F(Lines, AreUnpackedAlsoFromSeveralMembers) {
  EXPECT_EQ(read(testing::gzipped("one\ntw") + testing::gzipped("o\n")), (Strings{"one", "two"}));
}

TEST_F(Lines, SpanBuffers) {
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(read(testing::gzipped(large + "\nend\n")), (Strings{large, "end"}));
}

TEST_F(Lines, BeyondTheLimitAreNotKept) {
  const std::string monster(kLongestLine + 300'000, 'x');
  EXPECT_EQ(read(testing::gzipped("a\n" + monster + "\nb\n")), (Strings{"a", "(too long)", "b"}));
  EXPECT_EQ(read(testing::gzipped(monster)), Strings{"(too long)"});
}

TEST_F(Lines, OfADamagedFileEndInAnErrorThatNamesIt) {
  auto packed = testing::gzipped("one\ntwo\n" + std::string(500'000, 'x') + "\n");
  read(packed.substr(0, packed.size() / 2));
  EXPECT_NE(error_.find("/f: cannot be unpacked"), std::string::npos) << error_;
  EXPECT_NE(error_.find("ends too early"), std::string::npos) << error_;
  error_.clear();
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 0x55);  // the checksum
  read(packed);
  EXPECT_NE(error_.find("cannot be unpacked"), std::string::npos) << error_;
}

TEST_F(Lines, NeedAFile) {
  EXPECT_EQ(LineFile::open(dir_ / "none").error().code, Code::not_found);
  EXPECT_NE(LineFile::open(dir_.path()).error().text.find("is a directory"), std::string::npos);
}

}  // namespace
}  // namespace dunetrace::backtest
