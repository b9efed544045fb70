// Thousands of damaged requests from a fixed seed: the framer ends in a defined state, keeps its limits, and says the
// same however the bytes are cut.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "http/framing.hpp"

namespace dunetrace::http {
namespace {

constexpr FrameLimits kLimits{512, 256};
constexpr int kRounds = 20'000;

struct Outcome {
  std::vector<std::string> seen;  // target and body of each request, then the fault
  std::size_t largest = 0;
};

Outcome run(std::string_view text, std::mt19937* cuts) {
  Framer framer(kLimits);
  Outcome outcome;
  while (!text.empty()) {
    const auto piece = cuts == nullptr ? text : text.substr(0, 1 + (*cuts)() % 9);
    const auto n = framer.feed(piece);
    text.remove_prefix(n);
    if (framer.state() == Framer::State::complete) {
      auto request = framer.take();
      outcome.largest = std::max(outcome.largest, request.body.size());
      outcome.seen.push_back(request.target + " " + request.body);
    } else if (framer.state() == Framer::State::fault) {
      outcome.seen.push_back("fault " + std::to_string(static_cast<int>(framer.fault())));
      break;
    } else if (n != piece.size()) {
      outcome.seen.emplace_back("stuck");
      break;
    }
  }
  return outcome;
}

std::string mutate(std::string text, std::mt19937& random) {
  static const std::vector<std::string> kPieces{"\r\n",
                                                "\n",
                                                "\r",
                                                " ",
                                                "\t",
                                                ":",
                                                "0",
                                                "-",
                                                "+",
                                                ",",
                                                "\r\n\r\n",
                                                "Content-Length: 5\r\n",
                                                "Transfer-Encoding: chunked\r\n",
                                                "chunked",
                                                std::string(1, '\0'),
                                                "\x80",
                                                "ffffffffffffffff",
                                                "HTTP/1.1"};
  const auto changes = 1 + random() % 4;
  for (unsigned i = 0; i < changes && !text.empty(); ++i) {
    const auto at = random() % text.size();
    switch (random() % 5) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + random() % 8);
        break;
      case 2:
        text.insert(at, kPieces[random() % kPieces.size()]);
        break;
      case 3:
        text.insert(at, text.substr(random() % text.size(), random() % 40));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

TEST(FramerMutation, EndsDefinedAndTheSameForEveryCut) {
  const std::vector<std::string> seeds{
      "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /d HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n"
      "GET /f HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /g HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"};
  std::mt19937 random(20'260'301);
  for (int round = 0; round < kRounds; ++round) {
    const auto text = mutate(seeds[random() % seeds.size()], random);
    const auto whole = run(text, nullptr);
    const auto cut = run(text, &random);
    ASSERT_EQ(whole.seen, cut.seen) << "round " << round;
    ASSERT_LE(whole.largest, kLimits.max_body_bytes);
    for (const auto& seen : whole.seen) ASSERT_NE(seen, "stuck") << "round " << round;
  }
}

}  // namespace
}  // namespace dunetrace::http
