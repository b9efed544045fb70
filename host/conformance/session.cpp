#include "conformance/session.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "plugin/describe.hpp"

namespace dunetrace::conformance {

Result<const dune_plugin*> Session::descriptor() {
  if (entry_ != nullptr) return descriptor_;
  std::error_code error;
  const auto path = std::filesystem::canonical(file(), error);
  doing("loading the library");
  // As the host does it, see plugin/registry.cpp.
  void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* const why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
    return fail(Code::invalid_argument, fmt::format("it cannot be loaded: {}", why == nullptr ? "?" : why));
  }
  const auto entry = reinterpret_cast<dune_entry_fn>(::dlsym(handle, "dune_plugin_entry_v1"));
  if (entry == nullptr) return fail(Code::invalid_argument, "it exports no dune_plugin_entry_v1");
  doing("calling the entry function");
  descriptor_ = entry();
  entry_ = entry;
  return descriptor_;
}

Result<const plugin::Library*> Session::library() {
  if (library_) return &*library_;
  DUNE_TRY(raw, descriptor());
  doing("reading the tables");
  DUNE_TRY(described, plugin::describe(raw));
  library_ = std::move(described);
  return &*library_;
}

Result<> Session::read_given_runs() {
  DUNE_TRY(given, GivenRuns::read(options_.runs, options_.cases));
  given_ = std::move(given);
  return {};
}

Result<std::vector<Sample>> Session::examples(const plugin::Component& component) {
  auto out = example_runs();
  DUNE_TRY_VOID(given_.append_to(out, component.schema));
  return out;
}

Finding each_component(Session& session, std::string_view interface, const Look& look) {
  const auto library = session.library();
  if (!library) return failed(library.error().text);
  std::string figures, skips;
  bool any = false;
  for (const auto& component : (*library)->components) {
    if (component.interface != interface) continue;
    any = true;
    const auto values = usual_values(component.schema, session.options().params);
    if (!values) return failed(component.schema.id + ": " + values.error().text);
    session.doing(component.schema.id + ": create()");
    auto finding = look(component, *values);
    if (finding.verdict == Verdict::fail) {
      return failed(component.schema.id + ": " + finding.found, std::move(finding.mend));
    }
    auto& texts = finding.verdict == Verdict::skip ? skips : figures;
    if (!finding.found.empty()) texts += (texts.empty() ? "" : "; ") + finding.found;
  }
  if (!any) return skipped(fmt::format("the library has no component of {}", interface));
  return skips.empty() ? passed(std::move(figures)) : skipped(std::move(skips));
}

}  // namespace dunetrace::conformance
