// API keys: what is stored, what is shown, what revoking does.
#include "store/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/postgres.hpp"

namespace dunetrace::store {
namespace {

using dunetrace::testing::TestDatabase;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

class KeysTest : public ::testing::Test {
 protected:
  NewApiKey make(const std::string& customer = "acme", std::optional<std::string> agent = {}) {
    return create_key(db, customer, agent, {"ingest", "read"}).value();
  }
  TestDatabase database;
  Database& db = database.db();
};

TEST_F(KeysTest, ShowsTheSecretOnceAndStoresOnlyItsHash) {
  const auto made = make();
  EXPECT_THAT(made.secret, MatchesRegex("dt_live_[0-9a-f]{64}"));
  EXPECT_EQ(made.key.prefix, made.secret.substr(0, 16));
  EXPECT_EQ(database.scalar("SELECT encode(key_hash, 'hex') FROM api_keys"), sha256_hex(made.secret));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM api_keys k WHERE k::text LIKE '%" + made.secret.substr(16) + "%'"),
            "0");
}

TEST_F(KeysTest, FindsAnActiveKeyByItsSecretOnly) {
  const auto made = make("acme", "agent-1");
  const auto found = find_active_key(db, made.secret).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, made.key.id);
  EXPECT_EQ(found->customer_id, "acme");
  EXPECT_EQ(found->agent_id, "agent-1");
  EXPECT_THAT(found->scopes, ElementsAre("ingest", "read"));
  EXPECT_TRUE(found->active);
  EXPECT_GT(found->created_at, 1.6e9);
  EXPECT_FALSE(found->revoked_at);
  EXPECT_FALSE(find_active_key(db, made.key.prefix).value());
  EXPECT_FALSE(find_active_key(db, made.secret + "0").value());
  EXPECT_FALSE(find_active_key(db, std::string("nul\0byte", 8)).value());
  EXPECT_FALSE(find_active_key(db, "").value());
}

TEST_F(KeysTest, RevokesByIdPrefixOrTheKeyItself) {
  const auto by_id = make();
  const auto by_prefix = make();
  const auto by_secret = make();
  const auto left = make();
  for (const auto& text : {std::to_string(by_id.key.id), by_prefix.key.prefix, by_secret.secret}) {
    const auto revoked = revoke_key(db, text);
    ASSERT_TRUE(revoked) << revoked.error().text;
    EXPECT_FALSE(revoked->active);
    EXPECT_TRUE(revoked->revoked_at);
  }
  EXPECT_FALSE(find_active_key(db, by_id.secret).value());
  EXPECT_FALSE(find_active_key(db, by_prefix.secret).value());
  EXPECT_FALSE(find_active_key(db, by_secret.secret).value());
  EXPECT_TRUE(find_active_key(db, left.secret).value());
  const auto active = load_active_keys(db).value();
  ASSERT_EQ(active.size(), 1U);
  EXPECT_EQ(active[0].hash, sha256(left.secret));
  EXPECT_EQ(active[0].customer_id, "acme");
  EXPECT_EQ(active[0].agent_id, std::nullopt);
  EXPECT_THAT(active[0].scopes, ElementsAre("ingest", "read"));
}

TEST_F(KeysTest, RevokingTwiceKeepsTheFirstTime) {
  const auto made = make();
  const auto first = revoke_key(db, made.key.prefix).value();
  EXPECT_EQ(revoke_key(db, made.key.prefix).value().revoked_at, first.revoked_at);
}

TEST_F(KeysTest, RefusesWhatItCannotTell) {
  const auto unknown = revoke_key(db, "dt_live_00000000" + std::string(56, 'f'));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::not_found);
  EXPECT_EQ(unknown.error().text, "no API key with the id or prefix 'dt_live_00000000'") << "never the whole key";
  make();
  make();
  database.exec("UPDATE api_keys SET key_prefix = 'dt_live_same'");
  const auto ambiguous = revoke_key(db, "dt_live_same");
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().code, Code::conflict);
  EXPECT_EQ(load_active_keys(db).value().size(), 2U);
}

TEST_F(KeysTest, RefusesUnknownScopesAndNoCustomer) {
  EXPECT_EQ(create_key(db, "acme", {}, {}).error().code, Code::invalid_argument);
  EXPECT_EQ(create_key(db, "acme", {}, {"ingest", "root"}).error().text,
            "scope 'root': expected ingest, read or admin");
  EXPECT_EQ(create_key(db, "", {}, {"read"}).error().code, Code::invalid_argument);
  EXPECT_EQ(database.scalar("SELECT count(*) FROM api_keys"), "0");
}

TEST_F(KeysTest, AConfinedKeyNeedsAnAgentAndSendsOnly) {
  const auto made = create_key(db, "acme", "mine", {"ingest"}, true);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_TRUE(made->key.confined);
  EXPECT_TRUE(load_active_keys(db).value().at(0).confined);
  EXPECT_FALSE(make("acme", "mine").key.confined);
  EXPECT_EQ(create_key(db, "acme", {}, {"ingest"}, true).error().code, Code::invalid_argument);
  EXPECT_EQ(create_key(db, "acme", "mine", {"ingest", "read"}, true).error().code, Code::invalid_argument);
}

TEST_F(KeysTest, NotesTheUseOfKeysToTheMinute) {
  const auto made = make();
  EXPECT_FALSE(made.key.last_used_at);
  ASSERT_TRUE(note_used_keys(db, {sha256(made.secret), sha256("unknown")}));
  const auto first = list_keys(db).value().at(0).last_used_at;
  ASSERT_TRUE(first);
  ASSERT_TRUE(note_used_keys(db, {sha256(made.secret)}));
  EXPECT_EQ(list_keys(db).value().at(0).last_used_at, first) << "not written again within the minute";
  database.exec("UPDATE api_keys SET last_used_at = now() - interval '2 minutes'");
  ASSERT_TRUE(note_used_keys(db, {sha256(made.secret)}));
  EXPECT_GE(list_keys(db).value().at(0).last_used_at, first);
  EXPECT_TRUE(note_used_keys(db, {}));
}

TEST_F(KeysTest, ListsByCustomerWithRevokedOnes) {
  make("acme");
  const auto gone = make("acme");
  make("other");
  ASSERT_TRUE(revoke_key(db, gone.key.prefix));
  const auto keys = list_keys(db, "acme").value();
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_TRUE(keys[0].active);
  EXPECT_FALSE(keys[1].active);
  EXPECT_EQ(list_keys(db).value().size(), 3U);
}

}  // namespace
}  // namespace dunetrace::store
