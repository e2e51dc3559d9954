import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { ConnectionLogEntry } from "../api/model";
import { MockConsole, problem } from "../mock-api/console";
import { renderApp } from "../testing/render";

const grid = () => screen.findByRole("grid", { name: "Connections" });

async function open(address = "/logs/connections", scenario: Parameters<typeof renderApp>[1] = "busy") {
  const rendered = renderApp(address, scenario);
  await screen.findByRole("heading", { level: 1, name: "Connections" });
  return rendered;
}

describe("the connections", () => {
  it("say when, how long, why they ended, versions and transport", async () => {
    await open();
    const rows = within(await grid()).getAllByRole("row");
    expect(rows[1]?.textContent).toMatch(/2 d ago.*Stands.*2 d 5 h.*v0\.1\.0.*websocket · 4 links/);
    expect(rows[2]?.textContent).toMatch(/Went silent.*No answer for 30 s.*42 s/);
  });

  it("follow a session that begins, and one that ends", async () => {
    const { api } = await open();
    await grid();
    const stands = api.connections[0] as ConnectionLogEntry;
    api.connect({
      ...stands,
      endedAt: new Date().toISOString(),
      durationSeconds: 61,
      endReason: "peer_stop",
      endDetail: "Said goodbye.",
    });
    await screen.findByRole("row", { name: /Gateway stopped.*Said goodbye.*1 min/ });
    expect(screen.queryByRole("row", { name: /Stands/ })).toBeNull();
    api.connect({ ...stands, id: stands.id + 1, startedAt: new Date().toISOString(), transport: "quic" });
    await screen.findByRole("row", { name: /Stands.*quic/ });
  });

  it("are filtered by state and time, in the address as well", async () => {
    const { api, user, search } = await open();
    await grid();
    await user.selectOptions(screen.getByLabelText("State"), "taken_over");
    await waitFor(() => expect(screen.queryByRole("row", { name: /Went silent/ })).toBeNull());
    expect(screen.getAllByRole("row", { name: /Taken over/ }).length).toBeGreaterThan(3);
    expect(search()).toMatchObject({ end: "taken_over" });
    await user.selectOptions(screen.getByLabelText("Time"), "24h");
    await waitFor(() => expect(api.queries.at(-1)?.get("since")).toBeTruthy());
    await screen.findByText("No session matches");
    await user.click(screen.getAllByRole("button", { name: "Clear filters" })[0] as HTMLElement);
    await screen.findByRole("row", { name: /Stands/ });
  });

  it("show particulars and give the focus back", async () => {
    const { user } = await open();
    const list = await grid();
    list.focus();
    await user.keyboard("{ArrowDown}{ArrowDown}{Enter}");
    const dialog = within(await screen.findByRole("dialog", { name: "Session" }));
    expect(dialog.getByText(/No answer for 30 s/)).toBeTruthy();
    expect(dialog.getByText("wss://gw.example.com/tunnel")).toBeTruthy();
    await user.click(dialog.getByRole("button", { name: "Close" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(document.activeElement).toBe(list);
  });

  it("say when there are none, when they come, and why not", async () => {
    await open("/logs/connections", "empty");
    await screen.findByText("No session yet");
  });

  it("say why they could not be loaded", async () => {
    const api = new MockConsole();
    api.overrides.set("GET /api/v1/logs/connections", () => problem(503, "store_away", "Locked."));
    const { user } = await open("/logs/connections", api);
    await screen.findByText("The sessions could not be loaded");
    api.overrides.set("GET /api/v1/logs/connections", () => new Promise(() => {}));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByRole("status", { name: "Loading sessions" });
  });
});
