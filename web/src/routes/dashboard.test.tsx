import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { problem } from "../mock-api/console";
import { renderApp } from "../testing/render";

const text = () => document.body.textContent ?? "";

describe("the dashboard", () => {
  it("shows state, gateway, versions, path and figures", async () => {
    renderApp("/");
    const main = within(await screen.findByRole("main"));
    expect(await main.findByRole("heading", { level: 1, name: "Dashboard" })).toBeTruthy();
    await main.findByText("ONLINE");
    const path = within(await main.findByRole("list", { name: "Path of a request" }));
    expect(path.getByText(/v0\.1\.0 · up 12 d 3 h/)).toBeTruthy();
    expect(path.getByText("websocket · 4 links · 4.1 ms", { exact: false })).toBeTruthy();
    for (const figure of ["Requests/s", "Success rate", "p95", "Bytes/s"]) {
      expect(
        await main.findByRole("img", { name: new RegExp(`^${figure}, the last 15 minutes; now`) }),
      ).toBeTruthy();
    }
  });

  it("puts what is broken first among the mappings, with the reason", async () => {
    renderApp("/");
    const section = within(await screen.findByRole("region", { name: "Active mappings" }));
    await section.findByText("Git");
    const names = section.getAllByRole("link").map((link) => link.textContent ?? "");
    const first = names.findIndex((name) => name.startsWith("Grafana"));
    const fine = names.findIndex((name) => name.startsWith("Git"));
    expect(first).toBeLessThan(fine);
    expect(section.getByText(/192\.168\.1\.31:3000 refused the connection/)).toBeTruthy();
    expect(section.queryByText("Old blog")).toBeNull();
  });

  it("names the newest failures", async () => {
    renderApp("/");
    const section = within(await screen.findByRole("region", { name: "Newest failures" }));
    await section.findAllByText(/target refused/);
    expect(section.getByText(/first byte timeout/)).toBeTruthy();
  });

  it("breaks the line at the tunnel and says why", async () => {
    renderApp("/", "offline");
    const main = within(await screen.findByRole("main"));
    await main.findByText("RECONNECTING");
    await main.findByText(/tunnel broken/);
    expect(main.getByText(/refused the connection: see that the gateway runs/)).toBeTruthy();
    expect(main.getByText("Reconnect attempts").parentElement?.textContent).toContain("6");
  });

  it.each([
    ["Disconnected", "OFFLINE"],
    ["Connecting", "CONNECTING"],
    ["Authenticating", "AUTHENTICATING"],
    ["Syncing", "SYNCING"],
  ] as const)("follows the connection live: %s", async (connectionStatus, word) => {
    const { api } = renderApp("/");
    const main = within(await screen.findByRole("main"));
    await main.findByText("ONLINE");
    await waitFor(() => expect(api.log).toContain("GET /api/v1/events"));
    api.setStatus({ connectionStatus, uptimeSeconds: null });
    await main.findByText(word);
  });

  it("reconnects on demand, from any state", async () => {
    const { api, user } = renderApp("/");
    await user.click(await screen.findByRole("button", { name: "Force Reconnect" }));
    await waitFor(() => expect(api.log).toContain("POST /api/v1/reconnect"));
    await screen.findByText("Reconnecting to the gateway");
    await within(screen.getByRole("main")).findByText("RECONNECTING");
  });

  it("says why a reconnect did not happen", async () => {
    const { api, user } = renderApp("/");
    api.overrides.set("POST /api/v1/reconnect", () => problem(403, "cross_site", "From another site."));
    await user.click(await screen.findByRole("button", { name: "Force Reconnect" }));
    await screen.findByText("Not reconnected: From another site.");
  });

  it("leads to the mappings and to a new one", async () => {
    const { user, path } = renderApp("/");
    await user.click(await screen.findByRole("link", { name: "View All Mappings" }));
    await waitFor(() => expect(path()).toBe("/mappings"));
  });

  it("invites to make the first mapping", async () => {
    const { user, path } = renderApp("/", "empty");
    await user.click(await screen.findByRole("link", { name: "Create the first one" }));
    await waitFor(() => expect(path()).toBe("/mappings/new"));
  });

  it("has no failure to name when there was none", async () => {
    renderApp("/", "quiet");
    await screen.findByText("No request has failed in the last 15 minutes.");
    expect(text()).toContain("0 B/s");
  });

  it("says what could not be loaded, and tries again", async () => {
    const { api, user } = renderApp("/");
    const broken = () => problem(503, "store_away", "The store does not answer.");
    api.overrides.set("GET /api/v1/mappings", broken);
    await screen.findByText("The dashboard could not be loaded");
    expect(text()).toContain("The store does not answer.");
    api.overrides.clear();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await within(screen.getByRole("region", { name: "Active mappings" })).findByText("Git");
    expect(screen.queryByText("The dashboard could not be loaded")).toBeNull();
  });
});
