import { MockConsole, type Scenario } from "./console";
import { mockEventSource } from "./event-source";

const SCENARIOS: readonly Scenario[] = ["busy", "empty", "offline", "syncing", "quiet", "outdated"];

/** Time between a visitor's requests in the running mock, in milliseconds. */
const VISIT_MS = 1_500;

/**
 * Puts the mock in the place of the network (`npm run dev:mock`). `?mock=offline` chooses a scenario, `&login` begins
 * logged out, `&away` lets nothing answer, `&slow` never lets an answer arrive but the login's, `&slower` none; `window.octoportyMock` is the console.
 */
export function installMock(): void {
  const query = new URLSearchParams(window.location.search);
  const asked = query.get("mock");
  const api = new MockConsole(SCENARIOS.find((scenario) => scenario === asked) ?? "busy");
  api.loggedIn = !query.has("login");
  api.away = query.has("away");
  const slower = query.has("slower");
  const slow = slower || query.has("slow");
  window.fetch = (input, init) => {
    const request = new Request(input, init);
    const waits = slow && (slower || !request.url.endsWith("/auth/me"));
    return waits ? new Promise(() => {}) : api.handle(request);
  };
  window.EventSource = mockEventSource(api);
  Object.assign(window, { octoportyMock: api });
  if (query.has("still")) return;
  setInterval(() => {
    const served = api.mappings.filter((mapping) => mapping.live.state === "ok");
    const mapping = served[Math.floor(Math.random() * served.length)];
    if (mapping && api.status.connectionStatus === "Connected") api.visit(mapping);
    api.write("gateway", { message: "request", fields: { host: mapping?.externalDomain ?? "nobody" } });
    api.write("agent", { level: "debug", message: "stream opened" });
  }, VISIT_MS);
}
