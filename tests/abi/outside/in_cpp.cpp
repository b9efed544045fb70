// The smallest detector in C++ that uses every kind of parameter and evidence; built by check_sdk.sh only.
#include <dunetrace/detector.hpp>

#include <string>
#include <vector>

namespace {

struct Everything {
  struct Params {
    std::int64_t count;
    double factor;
    bool strict;
    std::string tool;
  };
  static constexpr const char *plugin_id = "example.everything", *vendor = "Example", *version = "1.0.0",
                              *license = "Apache-2.0", *id = "everything", *title = "Everything",
                              *signal = "EVERYTHING", *doc = "Uses all of the C++ layer.";
  static constexpr auto params =
      std::make_tuple(dunetrace::param(&Params::count, "count", 3, 1, 10, "calls", "Calls."),
                      dunetrace::param(&Params::factor, "factor", 1.5, 1.0, 10.0, "ratio", "Ratio."),
                      dunetrace::param(&Params::strict, "strict", true, "Strict."),
                      dunetrace::param(&Params::tool, "tool", "search", "", "A tool."));
  static constexpr dune_template templates[] = {
      {sizeof(dune_template), 0, dunetrace::lit("EVERYTHING"), dunetrace::lit("Title"), dunetrace::lit("What"),
       dunetrace::lit("Why"), dunetrace::lit("Evidence"), nullptr},
      {sizeof(dune_template), 0, dunetrace::lit("SOMETHING"), dunetrace::lit("Title"), dunetrace::lit("What"),
       dunetrace::lit("Why"), dunetrace::lit("Evidence"), nullptr}};
  static const char* check(const Params& p) { return p.tool.empty() ? "tool must not be empty" : nullptr; }

  Everything(const Params& p, dunetrace::Host host) : p_(p), host_(host), json_(host) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) {
    std::vector<std::string_view> names;
    for (const auto call : run.tool_calls().last(5)) names.push_back(call.name());
    host_.log(DUNE_LOG_DEBUG, "looked");
    out.signal(dunetrace::Severity::low, 0.5, run.step())
        .type("SOMETHING")
        .with("names", names)
        .with("baseline", run.baseline_p75_steps())
        .with("none", nullptr)
        .with("strict", p_.strict)
        .with_if(p_.strict, "factor", p_.factor)
        .with_array("nested", [](auto& json) { json.object([](auto& o) { o.value("a", 1).raw("b", "[1,2]"); }); })
        .with_object("object", [&](auto& o) { o.value("step", run.step()); })
        .emit();
  }

 private:
  Params p_;
  dunetrace::Host host_;
  dunetrace::JsonReader json_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(Everything)
