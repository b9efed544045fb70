// What is asked and what comes back, without a network. The test kit is C++; it calls the C functions as the host does.
#include <dunetrace/testing/expect.hpp>
#include <dunetrace/testing/integration.hpp>

using namespace dunetrace::testing;

int main() {
  const dune_plugin* plugin = dune_plugin_entry_v1();
  const Settings settings = {{"url", "https://desk.example.com/tickets"}};
  const char* ticket = R"({"title":"Look at this run"})";
  Checks checks;

  FakeHost host;
  host.reply(200, R"([{"id":7}])").reply(201, R"({"id":8})");
  const auto list = invoke(plugin, host, settings, "list", "{}", for_real);
  checks.equal("lists", list.result["tickets"][0]["id"], 7);
  checks.equal("with GET", host.requests()[0].method, "GET");

  const auto would = invoke(plugin, host, settings, "open", ticket, dry_run);
  checks.equal("says what it would open", would.result["would_open"]["title"], "Look at this run");
  checks.equal("and asks nobody", host.requests().size(), 1u);

  const auto opened = invoke(plugin, host, settings, "open", ticket, for_real, "key-9");
  checks.equal("opens", opened.result["opened"]["id"], 8);
  checks.equal("with POST", host.requests()[1].method, "POST");
  checks.equal("once", host.requests()[1].header("Idempotency-Key"), "key-9");
  checks.equal("with its title", host.requests()[1].json()["title"], "Look at this run");

  const auto empty = invoke(plugin, host, settings, "open", R"({"title":""})", for_real);
  checks.equal("needs a title", empty.text, "title: must be a text that is not empty");
  host.reply(500);
  checks.equal("says when it failed", invoke(plugin, host, settings, "list", "{}", for_real).text, "the desk refused");
  return checks.result();
}
