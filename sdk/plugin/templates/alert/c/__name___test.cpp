// What is sent and what the answers mean, without a network. The test kit is C++; it calls the C functions as the host
// does.
#include <dunetrace/testing/alert.hpp>
#include <dunetrace/testing/expect.hpp>

using namespace dunetrace::testing;

int main() {
  const dune_plugin* plugin = dune_plugin_entry_v1();
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
  checks.equal("as lines", host.requests()[0].body,
               "[HIGH] SAMPLE agent: 3 calls of \"search\"\n[HIGH] SAMPLE agent: A sample\n");

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
