#include "fixture.hpp"

#include <fmt/format.h>

namespace dunetrace::cli {

namespace fs = std::filesystem;

std::string with_threshold(int threshold) {
  return fmt::format("default:\n  tool_loop: {{threshold: {}, window: 9}}\n", threshold);
}

ReloadTest::ReloadTest() {
  add_plugin(own_, "tool_loop");
  add_plugin(own_, "slow_step");
  write(with_threshold(3));
}

void ReloadTest::write(std::string_view text) const {
  const auto draft = dir_ / "detectors.yml.draft";
  testing::write_file(draft, text);
  fs::rename(draft, file_);
}

void ReloadTest::add_plugin(const fs::path& directory, std::string_view name) {
  fs::create_directories(directory);
  const auto library = fmt::format("{}.so", name);
  const auto draft = directory / (library + ".draft");
  fs::copy_file(fs::path(DUNE_BINARY_DIR) / "lib/dunetrace/plugins" / library, draft,
                fs::copy_options::overwrite_existing);
  fs::rename(draft, directory / library);
}

Result<plugin::Generation> ReloadTest::load() {
  DUNE_TRY(parsed, config::DetectorsFile::load(file_));
  DUNE_TRY(registry, plugin::Registry::load(own_, parsed.plugin_directories(), log_.logger()));
  DUNE_TRY(config, parsed.resolve(registry.schemas(), {}));
  return plugin::Generation{std::move(registry), std::move(config), file_};
}

void ReloadTest::begin() {
  auto first = load();
  ASSERT_TRUE(first) << first.error().text;
  live_ = std::make_unique<plugin::Live>(std::make_shared<const plugin::Generation>(std::move(*first)));
}

void ReloadTest::start(std::function<void(Reloader::Options&)> adjust) {
  if (!live_) begin();
  ASSERT_NE(live_, nullptr);
  Reloader::Options options;
  options.poll = std::chrono::milliseconds(5);
  options.own_plugins = own_;
  options.load = [this](const plugin::Generation&) { return load(); };
  options.taken_over = [this] { ++taken_over_; };
  options.meanwhile = [this] { ++looks_; };
  if (adjust) adjust(options);
  reloader_ = std::make_unique<Reloader>(std::move(options), *live_, log_.logger(), metrics_, clock_);
}

bool ReloadTest::attempts(std::string_view outcome, unsigned count) {
  auto& counter = metrics_.counter("dunetrace_reloads_total", "", {{"outcome", std::string(outcome)}});
  return testing::wait_until([&] { return counter.value() >= count; }) && counter.value() == count;
}

bool ReloadTest::generation(std::uint64_t number) {
  return testing::wait_until([&] { return live_->current()->number == number; });
}

std::int64_t ReloadTest::threshold() const {
  const auto generation = live_->current();
  for (const auto& settings : generation->config.profile_for("").detectors) {
    if (settings.id != "tool_loop") continue;
    const auto& schema = generation->registry.components().at(settings.component).component->schema;
    for (std::size_t i = 0; i < schema.params.size(); ++i) {
      if (schema.params[i].name == "threshold") return std::get<std::int64_t>(settings.values[i]);
    }
  }
  return -1;
}

int ReloadTest::logged(std::string_view event) {
  int count = 0;
  for (const auto& line : log_.lines()) count += line.find(event) != std::string::npos ? 1 : 0;
  return count;
}

}  // namespace dunetrace::cli
