// Agents that use the manual client. Prints one JSON line per run: {"scenario", "status", "body"}, where `status` is
// the host's answer (the client itself ignores it) and `body` what was posted. Argument: the ingest URL.
import { Dunetrace } from "./manual_client.mjs";

const endpoint = process.argv[2];
const posts = [];
const realFetch = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const response = await realFetch(url, options);
  posts.push({ status: response.status, headers: Object.keys(options.headers), body: JSON.parse(options.body) });
  await response.text();
  return response;
};

const client = new Dunetrace({ endpoint, agentId: "manual-client" });
const gpt = { model: "gpt-4o", tools: ["web_search"] };

const scenarios = {
  async loop(run) {
    for (const tokens of [200, 250, 300, 350, 400]) {
      run.llmCalled("gpt-4o", tokens);
      run.llmResponded({ finishReason: "tool_calls" });
      run.toolCalled("web_search", { query: "same query every time" });
      run.toolResponded("web_search", { outputLength: 256 });
    }
    run.finalAnswer();
  },
  async failing_tool(run) {
    for (let n = 0; n < 3; n += 1) {
      run.llmCalled("gpt-4o", 300);
      run.llmResponded({ finishReason: "tool_calls", completionTokens: 12, outputLength: 0 });
      run.toolCalled("pay", { account: "DE12 3456", amount: n });
      run.toolResponded("pay", { success: false, error: "timed out after 30 s: café" });
    }
    run.finalAnswer();
  },
  async caller_omits_lengths(run) {
    run.llmCalled();
    run.llmResponded();
    run.finalAnswer();
  },
  async tokens_known_but_no_length(run) {
    run.llmCalled("gpt-4o", 120);
    run.llmResponded({ completionTokens: 40 });
    run.finalAnswer();
  },
  async no_final_answer(run) {
    run.llmCalled("gpt-4o", 100);
    run.llmResponded({ finishReason: "tool_calls", completionTokens: 5 });
    run.toolCalled("web_search", ["x"]);
    run.toolResponded("web_search");
    for (let n = 0; n < 2; n += 1) {
      run.llmCalled("gpt-4o", 100);
      run.llmResponded({ completionTokens: 9, outputLength: 30 });
    }
  },
  async throws_after_the_answer(run) {
    run.llmCalled("gpt-4o", 100);
    run.llmResponded({ completionTokens: 9, outputLength: 30 });
    run.finalAnswer();
    throw new TypeError("cannot read properties of undefined");
  },
  async retrieval_without_score(run) {
    run.retrievalCalled("docs");
    run.retrievalResponded("docs", 0);
    run.externalSignal("rate_limit", "openai", { region: "eu", retry_after: 3 });
    run.llmCalled("gpt-4o", 100);
    run.llmResponded({ completionTokens: 9, outputLength: 30 });
    run.finalAnswer();
  },
};

for (const [scenario, work] of Object.entries(scenarios)) {
  await client.run(scenario === "caller_omits_lengths" ? {} : gpt, work).catch(() => {});
  console.log(JSON.stringify({ scenario, ...posts.at(-1) }));
}
