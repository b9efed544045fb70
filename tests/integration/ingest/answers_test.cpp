// What a client is answered (spec/wire.md 3.2, 3.4, 3.5, 14).
#include <zlib.h>

#include <regex>

#include "fixture.hpp"

namespace dunetrace::ingest {
namespace {

using AnswersTest = IngestTest;

std::string gzipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST_F(AnswersTest, AcceptsAndSaysWhat) {
  start();
  const auto before = clock.unix_seconds();
  const auto answer = post(batch(run_events("r-1", 0, 7, true)));
  EXPECT_EQ(answer.status, 202);
  json::Parser parser;
  const auto root = parser.parse(answer.body).value();
  EXPECT_EQ(root["accepted"].integer(), 7);
  const std::regex uuid4("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  const std::string batch_id(root["batch_id"].string().value_or(""));
  EXPECT_TRUE(std::regex_match(batch_id, uuid4)) << batch_id;
  EXPECT_GE(root["queued_at"].number().value_or(0), before);
  ASSERT_TRUE(stored(7));
  EXPECT_EQ(database.scalar("SELECT string_agg(DISTINCT batch_id, ',') FROM events"), batch_id);
}

TEST_F(AnswersTest, TakesTheBodyWhateverItsContentType) {
  start();
  EXPECT_EQ(post(batch(run_events("r-1", 0, 1, false)), {{"Content-Type", "text/plain"}}).status, 202);
  EXPECT_EQ(post(batch(run_events("r-2", 0, 1, false)),
                 {{"Content-Type", "application/json"}, {"X-Dunetrace-Agent", "agent"}})
                .status,
            202);
}

TEST_F(AnswersTest, TakesCompressedBodies) {
  start();
  EXPECT_EQ(post(gzipped(batch(run_events("r-1", 0, 50, true))), {{"Content-Encoding", "gzip"}}).status, 202);
  EXPECT_TRUE(stored(50));
  const auto nothing = post(gzipped(""), {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(nothing.status, 422);
  EXPECT_EQ(nothing.body, post("").body);
}

TEST_F(AnswersTest, OneInvalidEventRefusesTheBatch) {
  start();
  auto events = run_events("r-1", 0, 3, false);
  events += R"(,{"event_type":"foo.bar","run_id":"r-1","agent_id":"a","agent_version":"v","step_index":1})";
  const auto answer = post(batch(events));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.body, R"({"detail":[{"type":"value_error","loc":["body","events",3,"event_type"],)"
                         R"("msg":"unsupported event type 'foo.bar'"}]})");
  EXPECT_EQ(post(batch(run_events("r-2", 0, 1, false))).status, 202);
  EXPECT_TRUE(stored(1));
}

TEST_F(AnswersTest, RefusesMoreThanTheConfiguredBatch) {
  start({{"MAX_BATCH_SIZE", "5"}});
  EXPECT_EQ(post(batch(run_events("r-1", 0, 6, false))).status, 422);
  EXPECT_EQ(post(batch(run_events("r-1", 0, 5, false))).status, 202);
}

TEST_F(AnswersTest, RefusesALargeBody) {
  start();
  const auto answer = post(batch(run_events("r-1", 0, 1, false)) + std::string(10 * 1024 * 1024, ' '));
  EXPECT_EQ(answer.status, 413);
  EXPECT_NE(detail(answer).find("10485760"), std::string::npos) << answer.body;
}

TEST_F(AnswersTest, LimitsTheRate) {
  start({{"RATE_LIMIT_REQUESTS", "2"}});
  EXPECT_EQ(post(batch(run_events("r-1", 0, 1, false))).status, 202);
  EXPECT_EQ(post("{}").status, 422);
  const auto answer = post(batch(run_events("r-1", 1, 1, false)));
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(detail(answer), "too many requests");
  // A made-up key opens no bucket of its own.
  EXPECT_EQ(post(batch(run_events("r-1", 1, 1, false), "dt_live_made_up")).status, 429);
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(AnswersTest, SaysHowItIs) {
  start();
  EXPECT_EQ(get("/ready").status, 200);
  const auto answer = get("/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(std::regex_match(answer.body, std::regex(R"re(\{"status":"ok","version":"\d+\.\d+\.\d+","db":"ok"\})re")))
      << answer.body;
}

TEST_F(AnswersTest, KnowsItsPathsAndMethods) {
  start();
  EXPECT_EQ(get("/v1/ingest").status, 405);
  EXPECT_EQ(get("/nothing").status, 404);
}

TEST_F(AnswersTest, CountsWhatHappens) {
  start();
  ASSERT_EQ(post(batch(run_events("r-1", 0, 4, true))).status, 202);
  ASSERT_EQ(post("nope").status, 422);
  ASSERT_TRUE(stored(4));
  const auto text = database.metrics().text();
  const auto has = [&](const std::string& line) { return text.find(line + "\n") != std::string::npos; };
  EXPECT_TRUE(has(R"(dunetrace_ingest_requests_total{code="202"} 1)")) << text;
  EXPECT_TRUE(has(R"(dunetrace_ingest_requests_total{code="422"} 1)"));
  EXPECT_TRUE(has(R"(dunetrace_ingest_events_total{event_type="tool.called",outcome="accepted"} 2)"));
  EXPECT_TRUE(has(R"(dunetrace_ingest_queue_capacity 100000)"));
}

}  // namespace
}  // namespace dunetrace::ingest
