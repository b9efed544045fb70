// Signal in, explanation out: the templates that plugins bring, and a generic text for what nobody explains.
// Built once by the api and alerts roles; explain() may then be called from any thread. Templates know no
// I/O, no clock and no randomness: the same signal gives the same bytes. A hook (a plugin's own code) may take a
// moment, since it may ask another process, and when it says nothing the template's words stay.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "explain/explanation.hpp"

namespace dunetrace::explain {

class Explainer {
 public:
  // A plugin's own code for what its templates cannot say: gets the explanation as rendered and may change it. False
  // leaves it as it was, which may depend on the moment. Callable from any thread, and must not throw.
  using Hook = std::function<bool(const SignalFacts& facts, Explanation& explanation)>;

  Explainer();
  explicit Explainer(std::span<const plugin::Component* const> components);
  Explainer(Explainer&&) noexcept;
  Explainer& operator=(Explainer&&) noexcept;
  ~Explainer();

  // Setting up, before the first explain(). Of several templates for one type the first one stays.
  void add(const plugin::Component& component);
  void set_hook(std::string signal_type, Hook hook);

  [[nodiscard]] Explanation explain(const SignalFacts& facts) const;
  [[nodiscard]] bool knows(std::string_view signal_type) const;
  // What is wrong with the templates, one line each: `SOME_TYPE, fix 2 code: line 1, column 4: …`. A template with a
  // problem is not used at all.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Compiled;
  std::map<std::string, std::unique_ptr<const Compiled>, std::less<>> templates_;
  std::map<std::string, Hook, std::less<>> hooks_;
  std::vector<std::string> problems_;
};

// The problems one template would have, without keeping it; empty when it is fine. For plugin checks.
[[nodiscard]] std::vector<std::string> check_template(const plugin::Template& source);
// Every evidence path the template uses, sorted, without the built-ins. For plugin checks.
[[nodiscard]] std::vector<std::string> evidence_paths(const plugin::Template& source);

}  // namespace dunetrace::explain
