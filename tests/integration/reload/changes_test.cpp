#include "cli/changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/temp_dir.hpp"

namespace dunetrace::cli {
namespace {

using ::testing::HasSubstr;

config::ParamSpec number(const char* name, std::int64_t def) {
  config::ParamSpec spec;
  spec.name = name;
  spec.def = def;
  return spec;
}

plugin::Library library(const std::string& id, const std::string& sha256 = "1", const std::string& version = "1.0.0") {
  plugin::Component component;
  component.schema.id = id;
  component.schema.kind = "detector";
  component.schema.first_party = true;
  component.schema.signal_types = {id + "_type"};
  component.schema.params = {number("limit", 3), number("window", 5)};
  config::ParamSpec secret;
  secret.name = "token";
  secret.type = config::ParamType::string;
  secret.def = std::string("none");
  secret.secret = true;
  component.schema.params.push_back(secret);
  plugin::Library made;
  made.path = "/p/" + id + ".so";
  made.sha256 = sha256;
  made.version = version;
  made.components = {component};
  return made;
}

plugin::Generation generation(const std::string& yaml,
                              std::vector<plugin::Library> libraries = {library("odd"), library("slow", "2")}) {
  auto registry = plugin::Registry::of(std::move(libraries)).value();
  auto config = config::DetectorsFile::parse(yaml, "f.yml").value().resolve(registry.schemas(), {}).value();
  return {std::move(registry), std::move(config), "f.yml"};
}

std::string said(const std::string& before, const std::string& after) {
  return changes(generation(before), generation(after));
}

TEST(Changes, NothingIsNothing) {
  EXPECT_EQ(said("default: {odd: {limit: 3}}", "# the default\n"), "");
  EXPECT_TRUE(same(generation("default: {odd: {limit: 3}}"), generation("")));
  EXPECT_FALSE(same(generation("default: {odd: {limit: 4}}"), generation("")));
}

TEST(Changes, ParametersAndSwitches) {
  EXPECT_EQ(said("", "default: {odd: {limit: 4}}"), "odd.limit 3 -> 4 (default)");
  EXPECT_EQ(said("default: {odd: {enabled: false}}", ""), "odd enabled (default)");
  EXPECT_EQ(said("", "default: {odd: {enabled: false, limit: 9}}"), "odd disabled (default)");
  EXPECT_EQ(said("", "default: {odd: {shadow: true, severity: LOW, timeout_ms: 7}}"),
            "odd in shadow (default); odd.severity its own -> LOW (default); odd.timeout_ms 50 -> 7 (default)");
}

TEST(Changes, TheSameChangeInSeveralSectionsIsSaidOnce) {
  const std::string agents = "\na: {slow: {limit: 1}}\nb: {slow: {limit: 1}}\n";
  EXPECT_EQ(said("default: {odd: {limit: 1}}" + agents, "default: {odd: {limit: 2}}" + agents),
            "odd.limit 1 -> 2 (default and 2 more)");
}

TEST(Changes, SectionsComeAndGo) {
  EXPECT_EQ(said("", "shop: {odd: {limit: 4}}"), "section shop added");
  EXPECT_EQ(said("shop: {odd: {limit: 4}}", ""), "section shop removed");
}

TEST(Changes, WhatHasNoNumberIsNotSilent) {
  const std::string web = "\nweb: {odd: {limit: 4}}\n";
  EXPECT_FALSE(said("categories: {web: [a]}" + web, "categories: {web: [a, b]}" + web).empty());
  EXPECT_FALSE(said("default: {odd: {}, slow: {}}", "default: {slow: {}, odd: {}}").empty());
}

TEST(Changes, SecretsStaySecret) {
  const auto text = said("", "default: {odd: {token: hunter2}}");
  EXPECT_EQ(text, "odd.token *** -> *** (default)");
}

TEST(Changes, Plugins) {
  const auto before = generation("", {library("odd"), library("slow", "2")});
  EXPECT_EQ(changes(before, generation("", {library("odd"), library("slow", "2"), library("more", "3")})),
            "plugin /p/more.so added; more enabled (default)");
  EXPECT_EQ(changes(before, generation("", {library("odd")})), "plugin /p/slow.so removed; slow gone (default)");
  EXPECT_EQ(changes(before, generation("", {library("odd", "9"), library("slow", "2")})), "plugin /p/odd.so replaced");
  EXPECT_EQ(changes(before, generation("", {library("odd", "9", "1.1.0"), library("slow", "2")})),
            "plugin /p/odd.so replaced: 1.0.0 -> 1.1.0");
}

TEST(Changes, ALongListIsCut) {
  std::vector<plugin::Library> many;
  std::string after = "default:\n";
  for (int i = 0; i < 200; ++i) {
    many.push_back(library("detector_" + std::to_string(i), std::to_string(i)));
    after += "  detector_" + std::to_string(i) + ": {limit: 1}\n";
  }
  const auto text = changes(generation("", many), generation(after, many));
  EXPECT_LT(text.size(), 1'200U);
  EXPECT_THAT(text, HasSubstr(" more"));
}

}  // namespace
}  // namespace dunetrace::cli
