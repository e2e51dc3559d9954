import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import type { RequestLogEntry } from "../api/model";
import { MockConsole, problem } from "../mock-api/console";
import { sampleMapping, sampleRequest } from "../mock-api/samples";
import { renderApp } from "../testing/render";
import { hops } from "./requests/timing";

const grid = () => screen.findByRole("grid", { name: "Requests" });
const lastQuery = (api: MockConsole) => Object.fromEntries(api.queries.at(-1) ?? []);

async function open(address = "/logs/requests", scenario: Parameters<typeof renderApp>[1] = "busy") {
  const rendered = renderApp(address, scenario);
  await screen.findByRole("heading", { level: 1, name: "Requests" });
  return rendered;
}

describe("the requests", () => {
  it("are there when the page is, newest first", async () => {
    const { api } = await open();
    const rows = within(await grid())
      .getAllByRole("row")
      .slice(1);
    const [first] = api.requests;
    expect(rows[0]?.textContent).toContain(first?.path);
    expect(rows[0]?.textContent).toContain(String(first?.status));
    expect(rows.length).toBeLessThan(80);
  });

  it("say so when there are none", async () => {
    await open("/logs/requests", "empty");
    await screen.findByText("No request yet");
  });

  it("say why they could not be loaded, and try again", async () => {
    const api = new MockConsole();
    api.overrides.set("GET /api/v1/logs/requests", () =>
      problem(503, "store_away", "The database is locked."),
    );
    const { user } = await open("/logs/requests", api);
    await screen.findByText("The requests could not be loaded");
    expect(screen.getByText(/The database is locked/)).toBeTruthy();
    api.overrides.delete("GET /api/v1/logs/requests");
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await grid();
    expect(screen.queryByText("The requests could not be loaded")).toBeNull();
  });

  it("show that they are on their way", async () => {
    const api = new MockConsole();
    api.overrides.set("GET /api/v1/logs/requests", () => new Promise(() => {}));
    await open("/logs/requests", api);
    await screen.findByRole("status", { name: "Loading requests" });
  });

  it("arrive while one looks", async () => {
    const { api } = await open();
    await grid();
    const [mapping] = api.mappings;
    if (mapping) api.visit(mapping, { path: "/just-now" });
    await screen.findByRole("row", { name: /just-now/ });
  });

  it("wait while it is paused, until they are asked for", async () => {
    const { api, user } = await open();
    await grid();
    await user.click(screen.getByRole("button", { name: "Pause" }));
    const mapping = api.mappings[0] ?? sampleMapping({}, 0);
    api.visit(mapping, { path: "/one" });
    api.visit(mapping, { path: "/two" });
    await user.click(await screen.findByRole("button", { name: "2 new requests" }));
    await screen.findByRole("row", { name: /\/two/ });
    api.visit(mapping, { path: "/three" });
    await screen.findByRole("button", { name: "1 new request" });
    await user.click(screen.getByRole("button", { name: "Follow live" }));
    await screen.findByRole("row", { name: /\/three/ });
    expect(screen.queryByRole("button", { name: /new request/ })).toBeNull();
  });

  it("are fetched anew when news were missed", async () => {
    const { api } = await open();
    await grid();
    const mapping = api.mappings[0] ?? sampleMapping({}, 0);
    api.requests = [sampleRequest(mapping, Date.now(), { path: "/missed" }), ...api.requests];
    api.emit({ event: "reset", data: {} } as Parameters<MockConsole["emit"]>[0]);
    await screen.findByRole("row", { name: /missed/ });
  });
});

describe("the filters of the requests", () => {
  it("reach the API and the address", async () => {
    const { api, user, search } = await open();
    await grid();
    const photos = api.mappings.find((mapping) => mapping.name === "Photos");
    await user.selectOptions(screen.getByLabelText("Mapping"), "Photos");
    await user.selectOptions(screen.getByLabelText("Status"), "5xx");
    await user.selectOptions(screen.getByLabelText("Method"), "GET");
    await user.selectOptions(screen.getByLabelText("Time"), "1h");
    await user.type(screen.getByLabelText("Path begins with"), "/api");
    await user.type(screen.getByLabelText("Client address"), "203.0.113.88");
    await user.type(screen.getByLabelText("Search requests"), "photos");
    await waitFor(() => expect(lastQuery(api)["search"]).toBe("photos"));
    const query = lastQuery(api);
    expect(query).toMatchObject({
      mappingId: photos?.id,
      statusClass: "5xx",
      method: "GET",
      path: "/api",
      client: "203.0.113.88",
    });
    expect(Date.now() - Date.parse(query["since"] ?? "")).toBeLessThan(3_700_000);
    expect(search()).toMatchObject({ mapping: photos?.id, status: "5xx", q: "photos", range: "1h" });
    await user.click(screen.getAllByRole("button", { name: "Clear filters" })[0] as HTMLElement);
    await waitFor(() => expect(Object.keys(lastQuery(api))).toEqual(["count"]));
  });

  it("come from the address", async () => {
    const { api } = await open(
      "/logs/requests?status=4xx&q=404&range=custom&since=2026-01-01T00:00:00Z&client=7&method=post",
    );
    await waitFor(() => expect(api.queries).not.toHaveLength(0));
    expect(lastQuery(api)).toEqual({
      statusClass: "4xx",
      search: "404",
      since: "2026-01-01T00:00:00Z",
      client: "7",
      method: "POST",
      count: "500",
    });
  });

  it("hold for what arrives as well", async () => {
    const { api } = await open("/logs/requests?status=5xx");
    await grid();
    const mapping = api.mappings[0] ?? sampleMapping({}, 0);
    api.visit(mapping, { path: "/served", status: 200 });
    api.visit(mapping, { path: "/broken", status: 502 });
    await screen.findByRole("row", { name: /broken/ });
    expect(screen.queryByRole("row", { name: /served/ })).toBeNull();
  });

  it("say when nothing matches, and what to do", async () => {
    const { user } = await open("/logs/requests?q=nowhere");
    await screen.findByText("No request matches");
    await user.click(screen.getAllByRole("button", { name: "Clear filters" })[0] as HTMLElement);
    await grid();
  });

  it("load further back as one scrolls", async () => {
    const { api, user } = await open();
    (await grid()).focus();
    await user.keyboard("{End}");
    await waitFor(() => expect(lastQuery(api)["beforeId"]).toBe(String(api.requests[499]?.id)));
    await screen.findByText(/^1,000 requests/);
  });
});

describe("a request's particulars", () => {
  it("open by key, and the focus is back in the list when they close", async () => {
    const { api, user, search } = await open();
    const list = await grid();
    list.focus();
    await user.keyboard("{ArrowDown}{ArrowDown}{Enter}");
    const dialog = within(await screen.findByRole("dialog"));
    const second = api.requests[1];
    expect(dialog.getByText(second?.requestId ?? "")).toBeTruthy();
    expect(search()).toMatchObject({ request: second?.id });
    await user.click(dialog.getByRole("button", { name: "Row below" }));
    await dialog.findByText(api.requests[2]?.requestId ?? "");
    await user.click(dialog.getByRole("button", { name: "Close" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(document.activeElement).toBe(list);
    expect(search()["request"]).toBeUndefined();
  });

  it("say why it failed and what to do", async () => {
    const { api, user } = await open("/logs/requests?status=5xx");
    await user.click((await screen.findAllByRole("row", { name: /target refused/ }))[0] as HTMLElement);
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText(/start the service, or correct host and port/)).toBeTruthy();
    expect(dialog.getByText(/192.168.1.31:3000: connection refused/)).toBeTruthy();
    const grafana = api.mappings.find((mapping) => mapping.name === "Grafana");
    expect(dialog.getByRole("link", { name: "Grafana" }).getAttribute("href")).toBe(
      `/mappings/${grafana?.id}`,
    );
  });

  it("are found by a link though the list does not have it", async () => {
    const api = new MockConsole();
    const last = api.requests.at(-1);
    await open(`/logs/requests?request=${last?.id}`, api);
    const dialog = within(await screen.findByRole("dialog"));
    await dialog.findByText(last?.requestId ?? "");
  });

  it("say when it is not kept any more", async () => {
    await open("/logs/requests?request=999999999");
    await screen.findByText("The request is not there");
  });

  it("split the time by hop", () => {
    const request = { gatewayMs: 1, firstByteMs: 30, totalMs: 41 } as RequestLogEntry;
    expect(hops(request).map(({ name, ms }) => [name, ms])).toEqual([
      ["Gateway", 1],
      ["Tunnel and target", 30],
      ["Answer", 10],
    ]);
    expect(hops({ ...request, tunnelMs: 8, targetMs: 22 }).map(({ name, ms }) => [name, ms])).toEqual([
      ["Gateway", 1],
      ["Tunnel", 8],
      ["Target", 22],
      ["Answer", 10],
    ]);
    expect(hops({ ...request, firstByteMs: null }).map(({ name, ms }) => [name, ms])).toEqual([
      ["Gateway", 1],
      ["Waiting", 40],
    ]);
  });
});

describe("Export CSV", () => {
  it("downloads what the filter finds, however many pages that takes", async () => {
    const made: Blob[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((file) => {
      made.push(file as Blob);
      return "blob:mock";
    });
    let name = "";
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      name = this.download;
    });
    const api = new MockConsole();
    const mapping = api.mappings[0] ?? sampleMapping({}, 0);
    api.requests = Array.from({ length: 5_003 }, (_, index) =>
      sampleRequest(mapping, Date.now(), { id: 5_003 - index, status: 200 }),
    );
    const { user } = await open("/logs/requests?status=2xx", api);
    await grid();
    await user.click(screen.getByRole("button", { name: "Export CSV" }));
    await waitFor(() => expect(made).toHaveLength(1));
    expect(name).toBe("octoporty-requests.csv");
    const lines = (await made[0]?.text())?.trim().split("\r\n") ?? [];
    expect(lines).toHaveLength(5_004);
    expect(lines.filter((line) => line.startsWith("id,"))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^1,/);
    expect(lastQuery(api)).toMatchObject({ statusClass: "2xx", beforeId: "4" });
  });

  it("says when it failed", async () => {
    const { api, user } = await open();
    await grid();
    api.overrides.set("GET /api/v1/logs/requests", () =>
      problem(503, "store_away", "The database is locked."),
    );
    await user.click(screen.getByRole("button", { name: "Export CSV" }));
    await screen.findByText("Not exported: The database is locked.");
  });
});
