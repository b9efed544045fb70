// Tests of the entry function and of what the tables say.
#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <set>

#include "conformance/session.hpp"
#include "conformance/stage.hpp"
#include "conformance/tests.hpp"
#include "explain/explainer.hpp"
#include "json/reader.hpp"

namespace dunetrace::conformance {
namespace {

constexpr double kScanMs = 100;
constexpr std::size_t kShortDoc = 10;  // fewer bytes are no sentence

std::uint32_t kinds_of(const plugin::Library& library) {
  std::uint32_t kinds = 0;
  for (const auto& component : library.components) {
    if (component.interface == DUNE_IFACE_DETECTOR_V1) kinds |= kDetector;
    if (component.interface == DUNE_IFACE_ALERT_V1) kinds |= kAlert;
    if (component.interface == DUNE_IFACE_INTEGRATION_V1) kinds |= kIntegration;
  }
  return kinds;
}

// One of the dot-separated numbers of MAJOR.MINOR.PATCH.
bool number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return text.find_first_not_of("0123456789") == text.npos;
}

bool identifiers(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != text.npos) return false;
  return text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.") == text.npos;
}

bool is_semver(std::string_view text) {
  if (const auto plus = text.find('+'); plus != text.npos) {
    if (!identifiers(text.substr(plus + 1))) return false;
    text = text.substr(0, plus);
  }
  if (const auto dash = text.find('-'); dash != text.npos) {
    if (!identifiers(text.substr(dash + 1))) return false;
    text = text.substr(0, dash);
  }
  const auto first = text.find('.'), second = text.find('.', first + 1);
  return first != text.npos && second != text.npos && number(text.substr(0, first)) &&
         number(text.substr(first + 1, second - first - 1)) && number(text.substr(second + 1));
}

std::string wrong_in_parameters(const plugin::Component& component) {
  for (const auto& spec : component.schema.params) {
    const auto where = component.schema.id + "." + spec.name;
    if (spec.doc.size() < kShortDoc) return where + ": has no doc";
    const auto* const text = spec.def ? std::get_if<std::string>(&*spec.def) : nullptr;
    if (text != nullptr && !spec.choices.empty() && std::ranges::find(spec.choices, *text) == spec.choices.end()) {
      return fmt::format("{}: the default '{}' is none of the choices", where, *text);
    }
    const bool number = spec.type == config::ParamType::integer || spec.type == config::ParamType::real;
    if (number && (!spec.min || !spec.max)) return where + ": a number needs a minimum and a maximum";
    if (spec.secret && spec.def && text != nullptr && !text->empty()) return where + ": a secret has no default";
  }
  return {};
}

std::string wrong_in_detector(Session& session, const plugin::Component& component) {
  if (component.templates.empty()) return component.schema.id + ": has no template to explain its signals";
  for (const auto& text : component.templates) {
    for (const auto& problem : explain::check_template(text)) return component.schema.id + ": " + problem;
  }
  const auto usual = usual_values(component.schema, session.options().params);
  if (!usual) return usual.error().text;
  session.doing("validate() with the defaults");
  if (const auto why = Stage::refusal(component, *usual); !why.empty()) {
    return component.schema.id + ": validate() refuses the defaults: " + why;
  }
  return {};
}

std::string wrong_in_integration(const plugin::Component& component) {
  std::set<std::string> ids;
  json::Parser parser;
  for (const auto& action : component.actions) {
    const auto where = component.schema.id + "." + action.id;
    if (!ids.insert(action.id).second) return where + ": is declared twice";
    if (action.title.empty() || action.doc.size() < kShortDoc) return where + ": has no title or no doc";
    const auto schema = parser.parse(action.input_schema);
    if (!schema || !schema->is_object()) return where + ": input_schema_json is no JSON object";
  }
  return component.actions.empty() ? component.schema.id + ": has no action" : std::string();
}

std::string wrong_in(Session& session, const plugin::Component& component) {
  if (component.schema.title.empty()) return component.schema.id + ": has no title";
  if (component.schema.doc.size() < kShortDoc) return component.schema.id + ": has no doc";
  if (auto why = wrong_in_parameters(component); !why.empty()) return why;
  if (component.interface == DUNE_IFACE_DETECTOR_V1) return wrong_in_detector(session, component);
  if (component.interface == DUNE_IFACE_INTEGRATION_V1) return wrong_in_integration(component);
  return {};
}

}  // namespace

Finding test_scan(Session& session) {
  const auto started = std::chrono::steady_clock::now();
  const auto library = session.library();
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
  auto& page = session.board().page();
  if (library) {
    page.loaded = 1;
    page.kinds = kinds_of(**library);
  } else if (session.entry() == nullptr) {
    // What is wrong in the tables is the matter of that test.
    const auto& why = library.error().text;
    return failed(why, why.find("undefined symbol") == std::string::npos
                           ? "the dynamic linker's words: what it names is missing on this machine or in the file"
                           : "define the symbol or link the library that does (statically); -Wl,-z,defs names such "
                             "symbols at link time");
  }
  if (ms > kScanMs) return failed(fmt::format("it took {:.0f} ms", ms));
  return passed(fmt::format("{:.1f} ms", ms));
}

Finding test_entry(Session& session) {
  const auto first = session.descriptor();
  if (!first) return failed(first.error().text);
  if (*first == nullptr) return failed("the entry function returned nothing");
  dune_plugin before{};
  std::memcpy(&before, *first, sizeof before);
  session.doing("calling the entry function a second time");
  const auto* const second = session.entry()();
  if (second != *first) return failed("the second call gave another pointer");
  if (std::memcmp(&before, second, sizeof before) != 0) return failed("the second call changed the descriptor");
  return passed();
}

Finding test_tables(Session& session) {
  const auto library = session.library();
  if (!library) return failed(library.error().text);
  const auto& own = **library;
  if (!is_semver(own.version)) return failed(fmt::format("version '{}' is not MAJOR.MINOR.PATCH", own.version));
  if (own.vendor.empty()) return failed("vendor is empty");
  if (own.license.empty()) return failed("license is empty", "give an SPDX id such as Apache-2.0");
  if (own.components.empty()) return failed("no component has an interface that this host knows");
  for (const auto& component : own.components) {
    if (auto why = wrong_in(session, component); !why.empty()) return failed(std::move(why));
  }
  return passed(fmt::format("{} {}", own.id, own.version));
}

}  // namespace dunetrace::conformance
