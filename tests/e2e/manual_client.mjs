// The manual (copy-paste) TypeScript client of spec wire.md 9.1, written from that description with all of its quirks.
// It is in the field; test_manual_client.py runs it against the host. Not a client to copy today.

const toBase64 = (text) => Buffer.from(text, "utf8").toString("base64");

class Run {
  constructor(client, model, tools) {
    this.client = client;
    this.runId = crypto.randomUUID();
    this.version = model || "unknown"; // the model name stands where a version is due
    this.step = 0;
    this.events = [];
    this.push("run.started", { model: this.version, tools }, 0);
  }

  push(type, payload, step) {
    this.events.push({
      event_type: type,
      run_id: this.runId,
      agent_id: this.client.agentId,
      agent_version: this.version,
      step_index: step,
      timestamp: Date.now() / 1000,
      payload,
    });
  }

  emit(type, payload) {
    this.step += 1; // every event advances the counter, responses and signals too
    this.push(type, payload, this.step);
  }

  llmCalled(model = this.version, promptTokens = 0) {
    this.emit("llm.called", { model, prompt_tokens: promptTokens });
  }

  llmResponded({ completionTokens = 0, latencyMs = 0, finishReason = "stop", outputLength = 0 } = {}) {
    this.emit("llm.responded", {
      completion_tokens: completionTokens,
      latency_ms: latencyMs,
      finish_reason: finishReason,
      output_length: outputLength,
    });
  }

  toolCalled(name, args = {}) {
    this.emit("tool.called", { tool_name: name, args_hash: toBase64(JSON.stringify(args)) });
  }

  toolResponded(name, { success = true, outputLength = 0, latencyMs = 0, error } = {}) {
    const payload = { tool_name: name, success, output_length: outputLength, latency_ms: latencyMs };
    if (error !== undefined) payload.error_hash = toBase64(String(error));
    this.emit("tool.responded", payload);
  }

  retrievalCalled(indexName, queryHash = "") {
    this.emit("retrieval.called", { index_name: indexName, query_hash: queryHash });
  }

  retrievalResponded(indexName, resultCount, topScore = null, latencyMs = 0) {
    this.emit("retrieval.responded", {
      index_name: indexName,
      result_count: resultCount,
      top_score: topScore,
      latency_ms: latencyMs,
    });
  }

  externalSignal(name, source, extra = {}) {
    const payload = { signal_name: name, ...extra };
    if (source) payload.source = source;
    this.emit("external.signal", payload);
  }

  finalAnswer() {
    this.emit("run.completed", { exit_reason: "final_answer", total_steps: this.step });
  }

  errored(error) {
    this.push("run.errored", { error_type: error?.name ?? "Error" }, this.events.length + 1);
  }
}

export class Dunetrace {
  constructor({ endpoint, apiKey = "", agentId }) {
    this.endpoint = endpoint;
    this.apiKey = apiKey;
    this.agentId = agentId;
  }

  async run({ model, tools = [] }, work) {
    const run = new Run(this, model, tools);
    try {
      return await work(run);
    } catch (error) {
      run.errored(error);
      throw error;
    } finally {
      await this.send(run);
    }
  }

  async send(run) {
    try {
      await fetch(`${this.endpoint}/v1/ingest`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ api_key: this.apiKey, agent_id: this.agentId, events: run.events }),
      });
    } catch (error) {
      console.error("dunetrace:", error.message); // swallowed: the agent must not notice
    }
  }
}
