// What is sent and what the answers mean, without a network.
#include "{{name}}.hpp"

#include <dunetrace/testing/alert.hpp>
#include <dunetrace/testing/expect.hpp>

using namespace dunetrace::testing;

int main() {
  const dune_plugin* plugin = dunetrace::detail::AlertThunk<{{name}}::{{Name}}>::plugin();
  const Settings settings = {{"url", "https://alerts.example.com/hook"}};
  SampleAlert alert;
  alert.title = "3 calls of \"search\"";
  Checks checks;

  FakeHost host;
  const auto sent = deliver(plugin, host, settings, {alert, SampleAlert()});
  checks.equal("a 200 is delivered", sent.outcome, dune_status{DUNE_DELIVERED});
  checks.equal("in one request", host.requests().size(), 1u);
  checks.equal("to the URL", host.requests()[0].url, "https://alerts.example.com/hook");
  checks.equal("with the key", host.requests()[0].header("Idempotency-Key"), "key-1");
  const Json body = host.requests()[0].json();
  checks.equal("as JSON", body["alerts"].size(), 2u);
  checks.equal("with its title", body["alerts"][0]["title"], "3 calls of \"search\"");
  checks.equal("with its evidence", body["alerts"][0]["evidence"]["count"], 3);

  FakeHost busy;
  busy.reply({429, "", 30'000, DUNE_OK});
  const auto later = deliver(plugin, busy, settings, {alert});
  checks.equal("429 is for later", later.outcome, dune_status{DUNE_RETRY_LATER});
  checks.equal("when the receiver says", later.retry_after_ms, 30'000);

  FakeHost wrong;
  wrong.reply(404);
  checks.equal("404 is for never", deliver(plugin, wrong, settings, {alert}).outcome, dune_status{DUNE_REJECTED});

  FakeHost silent;
  silent.refuse(DUNE_E_TIMEOUT, "no answer within 10 s");
  checks.equal("no answer is for later", deliver(plugin, silent, settings, {alert}).outcome, dune_status{DUNE_RETRY_LATER});

  checks.fails("a URL is needed", [&] { deliver(plugin, host, {}, {alert}); }, "url: must be given");
  return checks.result();
}
