#include "plugin/policy/signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "plugin_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::plugin::policy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Made with openssl for this test and used for nothing else.
constexpr auto kPrivate = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHfL8c3BIRf/Bd4JRfCSpd23/5WCIXHZ0gAhYIcvztsl
-----END PRIVATE KEY-----
)";
constexpr auto kPublic = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA4icIAkzDL1llyqRaQE8sDNdRiNC4dAuusBydoddwI/w=
-----END PUBLIC KEY-----
)";
constexpr auto kOther = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA/CFHvriGn8OvsBMpoS3SuZSL9/VOn5T//GgLHeEjkz4=
-----END PUBLIC KEY-----
)";
constexpr auto kEllipticCurve = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExRlQgbCoLVRTXFArOr/4120AJPYD
Is2ibNU/Ngh2/ZIs9jAejK6Mo5YsPO31lWm5EVz9rNPZlFUiqo88V0m00Q==
-----END PUBLIC KEY-----
)";

class SignatureTest : public ::testing::Test {
 protected:
  SignatureTest() {
    testing::write_file(dir_ / "key.pem", kPrivate);
    testing::write_file(dir_ / "pub.pem", kPublic);
  }
  std::filesystem::path write(const std::string& name, const std::string& text) {
    testing::write_file(dir_ / name, text);
    return dir_ / name;
  }
  testing::TempDir dir_;
};

TEST_F(SignatureTest, FitsTheTextItWasMadeFor) {
  const auto signature = sign("the list", dir_ / "key.pem");
  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_EQ(signature->size(), 89U);
  const auto key = PublicKey::load(dir_ / "pub.pem");
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_TRUE(key->check("the list", *signature));
  EXPECT_THAT(key->check("the lisT", *signature).error().text, HasSubstr("another key signed it"));
  const auto other = PublicKey::load(write("other.pem", kOther));
  EXPECT_THAT(other->check("the list", *signature).error().text, AllOf(HasSubstr("other.pem"), HasSubstr("--sign")));
  for (const auto& garbage : {std::string(), std::string("no"), signature->substr(1), std::string(88, '='),
                              *signature + *signature, std::string(86, '\xff') + "=="}) {
    EXPECT_THAT(key->check("the list", garbage).error().text, HasSubstr("is no signature")) << garbage;
  }
}

TEST_F(SignatureTest, TakesOnlyEd25519KeysThatNobodyElseMayWrite) {
  EXPECT_THAT(PublicKey::load(write("ec.pem", kEllipticCurve)).error().text,
              AllOf(HasSubstr("is a EC key"), HasSubstr("Ed25519")));
  EXPECT_THAT(PublicKey::load(write("bad.pem", "hello")).error().text, HasSubstr("expected a public key in PEM"));
  EXPECT_THAT(PublicKey::load(dir_ / "none.pem").error().text, HasSubstr("no such file"));
  ::chmod((dir_ / "pub.pem").c_str(), 0666);
  EXPECT_THAT(PublicKey::load(dir_ / "pub.pem").error().text, HasSubstr("chmod go-w"));
  EXPECT_THAT(sign("x", dir_ / "bad.pem").error().text, HasSubstr("expected a private key in PEM"));
  EXPECT_THAT(sign("x", dir_ / "none.pem").error().text, HasSubstr("none.pem"));
}

TEST_F(SignatureTest, IsAskedOfEveryDirectoryButTheOwnOne) {
  PluginDir own(dir_ / "own");
  own.add("tool_loop");
  PluginDir other(dir_ / "other");
  other.add("slow_step");
  testing::TestLog log;
  LoadOptions options;
  options.own = own.path();
  options.others = {other.path()};
  options.public_key = dir_ / "pub.pem";
  EXPECT_THAT(Registry::load(options, log.logger()).error().text,
              AllOf(HasSubstr("other/plugins.lock.sig: no such file"), HasSubstr("PLUGINS_PUBLIC_KEY")));
  testing::write_file(other / "plugins.lock.sig", *sign(other.lock.text(), dir_ / "key.pem"));
  const auto good = Registry::load(options, log.logger());
  ASSERT_TRUE(good) << good.error().text;
  EXPECT_EQ(good->libraries().size(), 2U);
  other.lock.entries["slow_step.so"].mode = Mode::isolated;
  other.write_lock();
  EXPECT_THAT(Registry::load(options, log.logger()).error().text,
              AllOf(HasSubstr("plugins.lock.sig"), HasSubstr("does not fit")));
}

}  // namespace
}  // namespace dunetrace::plugin::policy
