import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { LogEntry } from "../api/model";
import { MockConsole, problem } from "../mock-api/console";
import { renderApp } from "../testing/render";

const grid = (name = "Agent log") => screen.findByRole("grid", { name });
const lastQuery = (api: MockConsole) => Object.fromEntries(api.queries.at(-1) ?? []);

async function open(address = "/logs/agent", scenario: Parameters<typeof renderApp>[1] = "busy") {
  const rendered = renderApp(address, scenario);
  await screen.findByRole("heading", {
    level: 1,
    name: address.startsWith("/gateway") ? "Gateway Logs" : "Agent Logs",
  });
  return rendered;
}

const many = (count: number): LogEntry[] =>
  Array.from({ length: count }, (_, index) => ({
    id: count - index,
    timestamp: new Date(1_760_000_000_000 - index).toISOString(),
    level: "info",
    message: `line ${count - index}`,
    fields: {},
  }));

describe("a log", () => {
  it("shows the newest last, with level, time and fields", async () => {
    const api = new MockConsole();
    api.write("agent", {
      level: "warn",
      message: "the target refused",
      fields: { target: "nas:80", tries: "3" },
    });
    await open("/logs/agent", api);
    await screen.findByRole("row", { name: /the target refused target=nas/ });
    const rows = within(await grid()).getAllByRole("row");
    const last = rows.at(-1);
    expect(last?.textContent).toMatch(/\d\d:\d\d:\d\d\.\d{3}WRNthe target refused target=nas:80 tries=3/);
    expect(rows.length).toBeLessThan(80);
  });

  it("has a line as soon as it is written, and only of its own process", async () => {
    const { api } = await open();
    await grid();
    api.write("gateway", { message: "of the gateway" });
    api.write("agent", { message: "of the agent", fields: { target: "octoporty_agent::link", link: "2" } });
    const row = await screen.findByRole("row", { name: /of the agent link=2/ });
    expect(row.textContent).not.toContain("octoporty_agent");
    expect(screen.queryByRole("row", { name: /of the gateway/ })).toBeNull();
  });

  it("keeps text inert and shows what would steer", async () => {
    const api = new MockConsole();
    api.write("agent", { message: "<b onclick=x>bold</b> \u001b[31m\u202eexe" });
    await open("/logs/agent", api);
    const row = await screen.findByRole("row", { name: /bold/ });
    expect(row.querySelector("b")).toBeNull();
    expect(row.textContent).toContain("<b onclick=x>bold</b> \\e[31m\\u{202e}exe");
  });

  it("filters at the server by level and text, in the address as well", async () => {
    const { api, user, search } = await open();
    await grid();
    await user.selectOptions(screen.getByLabelText("Level"), "warn");
    await user.type(screen.getByLabelText("Search the log"), "refused");
    await waitFor(() => expect(lastQuery(api)).toEqual({ level: "warn", search: "refused", count: "500" }));
    expect(search()).toEqual({ level: "warn", q: "refused" });
    await waitFor(() => expect(screen.queryByRole("row", { name: /link broke/ })).toBeNull());
    api.write("agent", { level: "info", message: "refused, but no matter" });
    api.write("agent", { level: "error", message: "REFUSED again" });
    await screen.findByRole("row", { name: /REFUSED again/ });
    expect(screen.queryByRole("row", { name: /no matter/ })).toBeNull();
  });

  it("says when nothing matches and takes the filter back", async () => {
    const { user } = await open("/logs/agent?q=nowhere");
    await screen.findByText("No line matches");
    await user.click(screen.getAllByRole("button", { name: "Clear filters" })[0] as HTMLElement);
    await grid();
    expect(screen.queryByRole("button", { name: "Clear filters" })).toBeNull();
  });

  it("looks further back when one says so", async () => {
    const api = new MockConsole();
    const page = (from: number, logs: LogEntry[]) =>
      Response.json({ success: true, error: null, logs, hasMore: true, nextBeforeId: from });
    let asked = 0;
    let isBarren = true;
    api.overrides.set("GET /api/v1/agent/logs", () => {
      asked += 1;
      return page(1_000 - asked, isBarren ? [] : many(2));
    });
    const { user } = await open("/logs/agent?q=line", api);
    await screen.findByText("No line matches");
    isBarren = false;
    await user.click(screen.getByRole("button", { name: "Look further back" }));
    await screen.findByRole("row", { name: /line 2/ });
  });

  it("has only a window of a hundred thousand lines in the document, and goes back page by page", async () => {
    const api = new MockConsole();
    api.logs.agent = many(100_000);
    const { user } = await open("/logs/agent", api);
    const list = await grid();
    expect(within(list).getAllByRole("row").length).toBeLessThan(80);
    list.focus();
    await user.keyboard("{Home}");
    await waitFor(() => expect(lastQuery(api)["beforeId"]).toBe("99501"));
    await screen.findByText(/^1,000 lines/);
    expect(within(list).getAllByRole("row").length).toBeLessThan(110);
  });

  it("stops following when one goes back, and leads to the newest", async () => {
    const { api, user } = await open();
    (await grid()).focus();
    await user.keyboard("{Home}");
    const follow = screen.getByRole("button", { name: "Follow" });
    expect(follow.getAttribute("aria-pressed")).toBe("false");
    api.write("agent", { message: "unseen" });
    await user.click(await screen.findByRole("button", { name: "1 new, jump to newest" }));
    expect(follow.getAttribute("aria-pressed")).toBe("true");
    expect(screen.queryByRole("button", { name: /jump to newest/i })).toBeNull();
  });

  it("remembers whether lines are wrapped", async () => {
    const { user } = await open();
    await user.click(await screen.findByRole("button", { name: "Wrap" }));
    expect(localStorage.getItem("octoporty.logs.wrap")).toBe("on");
    expect((await screen.findByRole("button", { name: "Wrap" })).getAttribute("aria-pressed")).toBe("true");
  });

  it("says when it is empty, when it comes, and why not", async () => {
    await open("/logs/agent", "empty");
    await screen.findByText("No line yet");
  });

  it("says why it could not be loaded", async () => {
    const api = new MockConsole();
    api.overrides.set("GET /api/v1/agent/logs", () => problem(500, "internal", "A defect."));
    const { user } = await open("/logs/agent", api);
    await screen.findByText("The log could not be loaded");
    api.overrides.set("GET /api/v1/agent/logs", () => new Promise(() => {}));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByRole("status", { name: "Loading lines" });
  });
});

describe("a line's own view", () => {
  it("has an address, the fields as a table, and gives the focus back", async () => {
    const api = new MockConsole();
    const entry = api.write("agent", {
      level: "error",
      message: "it broke",
      fields: { peer: "203.0.113.7" },
    });
    const { path, user } = await open("/logs/agent", api);
    const list = await grid();
    list.focus();
    await user.keyboard("{End}{Enter}");
    const dialog = within(await screen.findByRole("dialog", { name: "Log detail" }));
    expect(path()).toBe(`/logs/agent/${entry.id}`);
    expect(dialog.getByText("203.0.113.7")).toBeTruthy();
    expect(dialog.getByRole("button", { name: "Copy peer" })).toBeTruthy();
    await user.click(dialog.getByRole("button", { name: "Close" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(path()).toBe("/logs/agent");
    expect(document.activeElement).toBe(list);
  });

  it("is found by its address though the list does not have it", async () => {
    const api = new MockConsole();
    await open("/gateway/logs/3", api);
    const dialog = within(await screen.findByRole("dialog"));
    await dialog.findByText(api.logs.gateway.find((entry) => entry.id === 3)?.message ?? "");
  });

  it("says when it is gone", async () => {
    await open("/gateway/logs/99999999");
    await screen.findByText("The line is not there");
  });

  it("shows all of a long line on demand", async () => {
    const api = new MockConsole();
    api.write("agent", { message: `${"long ".repeat(2_000)}end of it` });
    const { user } = await open("/logs/agent", api);
    const row = await screen.findByRole("row", { name: /long/ });
    expect(row.textContent).not.toContain("end of it");
    await user.click(row);
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.queryByText(/end of it/)).toBeNull();
    await user.click(dialog.getByRole("button", { name: /^Show .* more characters/ }));
    expect(dialog.getByText(/end of it/)).toBeTruthy();
  });
});

describe("the gateway's log", () => {
  it("is where /gateway leads", async () => {
    const { path } = renderApp("/gateway");
    await screen.findByRole("heading", { level: 1, name: "Gateway Logs" });
    expect(path()).toBe("/gateway/logs");
    await screen.findByText(/up 12 d 3 h/);
  });

  it("says that the gateway is away, keeps what it has, and goes on by itself", async () => {
    const { api } = await open("/gateway/logs");
    await grid("Gateway log");
    api.setStatus({ connectionStatus: "Reconnecting" });
    await screen.findByText("The gateway is away");
    expect(screen.getAllByRole("row").length).toBeGreaterThan(10);
    const missed = { id: 5_000, timestamp: new Date().toISOString(), level: "info", fields: {} } as const;
    api.logs.gateway = [{ ...missed, message: "written meanwhile" }, ...api.logs.gateway];
    api.setStatus({ connectionStatus: "Connected" });
    await screen.findByRole("row", { name: /written meanwhile/ });
    expect(screen.queryByText("The gateway is away")).toBeNull();
  });

  it("waits for a gateway that was away from the beginning", async () => {
    const { api } = await open("/gateway/logs", "offline");
    await screen.findByText("The gateway is away");
    expect(screen.queryByRole("grid")).toBeNull();
    api.setStatus({ connectionStatus: "Connected" });
    await grid("Gateway log");
  });
});
