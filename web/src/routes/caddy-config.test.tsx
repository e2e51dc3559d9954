import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { MockConsole, problem } from "../mock-api/console";
import { caddyAway } from "../mock-api/gateway";
import { renderApp } from "../testing/render";

const ROUTE = "GET /api/v1/gateway/caddy-config";

async function open(api = new MockConsole("busy")) {
  const rendered = renderApp("/gateway/caddy-config", api);
  await screen.findByRole("heading", { level: 1, name: "Caddy Configuration" });
  return rendered;
}

const tree = () => screen.findByRole("tree", { name: "Configuration" });
const names = (within_: HTMLElement) =>
  within(within_)
    .getAllByRole("treeitem")
    .map((item) => item.textContent);

describe("the page of Caddy's configuration", () => {
  it("says which names lead to this gateway", async () => {
    await open();
    const routes = within(await screen.findByRole("list", { name: "Routes" })).getAllByRole("listitem");
    expect(routes.map((route) => within(route).queryByText("This gateway") !== null)).toEqual([
      true,
      true,
      false,
    ]);
    expect(within(routes[2] as HTMLElement).getByText("Elsewhere")).toBeTruthy();
    expect(routes[2]?.textContent).toContain("files.example.com");
    const marked = within(await tree()).getAllByText("this gateway");
    expect(marked).toHaveLength(2);
  });

  it("unfolds by the keyboard", async () => {
    const { user } = await open();
    const shown = await tree();
    const root = within(shown).getAllByRole("treeitem")[0] as HTMLElement;
    root.focus();
    await user.keyboard("{ArrowDown}");
    expect(document.activeElement?.textContent).toBe("admin:{1 field}");
    expect(document.activeElement?.getAttribute("aria-expanded")).toBe("false");
    await user.keyboard("{ArrowRight}{ArrowRight}");
    expect(document.activeElement?.textContent).toBe('listen:"localhost:2019"');
    await user.keyboard("{ArrowLeft}{ArrowLeft}");
    expect(document.activeElement?.getAttribute("aria-expanded")).toBe("false");
    expect(names(shown)).not.toContain('listen:"localhost:2019"');
    await user.keyboard("{Home}{ArrowLeft}");
    expect(names(shown)).toEqual(["config:{2 fields}"]);
    await user.keyboard("{Enter}");
    expect(names(shown)).toContain("apps:{2 fields}");
  });

  it("leads from a route to its place", async () => {
    const { user } = await open();
    await user.click(await screen.findByRole("button", { name: "Text" }));
    await user.click(screen.getByRole("button", { name: "Show files.example.com in the configuration" }));
    await tree();
    await waitFor(() => expect(document.activeElement?.textContent).toBe("2:{files.example.com}"));
    expect(document.activeElement?.getAttribute("aria-expanded")).toBe("true");
  });

  it("is a text as well, to be copied, and remembers which", async () => {
    vi.stubGlobal("isSecureContext", true);
    const { api, user } = await open();
    await user.click(await screen.findByRole("button", { name: "Text" }));
    const text = within(screen.getByRole("region", { name: "Configuration as text" }));
    const pretty = JSON.stringify(JSON.parse(api.caddy.configJson ?? ""), null, 2);
    expect(text.getByText((_, node) => node?.tagName === "PRE" && node.textContent === pretty)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Copy configuration" }));
    expect(await navigator.clipboard.readText()).toBe(pretty);
    expect(localStorage.getItem("octoporty.caddy-view")).toBe("text");
  });

  it("follows Caddy", async () => {
    const { api, user } = await open();
    await tree();
    api.caddy = { ...api.caddy, configJson: '{"apps":{"other":1}}', routes: [] };
    await user.click(screen.getByRole("button", { name: "Refresh" }));
    await screen.findByText(/No route ends in a proxy/);
    expect(names(await tree())).toContain("other:1");
  });

  it("says what to change when Caddy does not answer, and takes that back", async () => {
    const api = new MockConsole("busy");
    const good = api.caddy;
    api.caddy = caddyAway;
    const { user } = await open(api);
    await screen.findByText("Caddy does not answer");
    expect(screen.getByText(/connection refused; start it, or set Gateway__CaddyAdminUrl/)).toBeTruthy();
    api.caddy = good;
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await tree();
  });

  it("does not show what was read before the gateway went away", async () => {
    const { api, user } = await open();
    await tree();
    api.overrides.set(ROUTE, () => problem(503, "gateway_away", "Not connected to the gateway."));
    await user.click(screen.getByRole("button", { name: "Refresh" }));
    await screen.findByText("The configuration could not be loaded");
    expect(screen.getByText(/Not connected to the gateway/)).toBeTruthy();
    expect(screen.queryByRole("tree")).toBeNull();
  });

  it("says what a Caddy without a configuration needs", async () => {
    const api = new MockConsole("busy");
    api.caddy = { success: true, error: null, configJson: "null", routes: [] };
    await open(api);
    await screen.findByText("Caddy has no configuration yet");
  });
});
