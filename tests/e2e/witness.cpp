// A detector that tells which build of it looked at a run, and with which parameter. Compiled by test_reload.py, once
// per build.
#include <dunetrace/detector.hpp>

#include <cstdlib>

#ifndef BUILD
#define BUILD 0
#endif
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

struct Witness {
  struct Params {
    std::int64_t level;
  };
  static constexpr std::int64_t kTooMuch = 666;  // cannot be created with this

  static constexpr const char *plugin_id = "test.witness", *vendor = "Test", *version = "1.0." TEXT(BUILD),
                              *license = "Apache-2.0", *id = "witness", *title = "Witness", *signal = "WITNESS",
                              *doc = "Finds something in every run.";
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::level, "level", std::int64_t{0}, std::int64_t{0}, std::int64_t{1000},
                                       "levels", "Is told in the evidence."));
  static constexpr dune_template templates[] = {{sizeof(dune_template), 0, dunetrace::lit("WITNESS"),
                                                 dunetrace::lit("Build {build} at level {level}"), dunetrace::lit("w"),
                                                 dunetrace::lit("y"), dunetrace::lit("e"), nullptr}};

  explicit Witness(const Params& values) : params_(values) {
    if (values.level == kTooMuch) std::abort();
  }

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    out.signal(dunetrace::Severity::low, 0.5, run.step()).with("build", BUILD).with("level", params_.level).emit();
  }

 private:
  Params params_;
};

DUNE_DETECTOR_PLUGIN(Witness)
