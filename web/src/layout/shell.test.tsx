import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { problem } from "../mock-api/console";
import { renderApp } from "../testing/render";
import { matching } from "./palette";

const heading = (name: string) => screen.findByRole("heading", { level: 1, name });

describe("the frame", () => {
  it("names gateway, state and version on every page, and leads everywhere", async () => {
    const { user } = renderApp("/settings");
    await heading("Settings");
    const nav = within(screen.getByRole("navigation", { name: "Main" }));
    expect(nav.getByRole("link", { name: "Settings" }).getAttribute("aria-current")).toBe("page");
    await screen.findByText("v0.1.0");
    expect(screen.getAllByText("ONLINE").length).toBeGreaterThan(0);
    await user.click(nav.getByRole("link", { name: "Mappings" }));
    await heading("Mappings");
    expect(document.title).toBe("Mappings · Octoporty");
    await user.click(nav.getByRole("link", { name: "Dashboard" }));
    await heading("Dashboard");
  });

  it("logs out at the server and forgets", async () => {
    const { api, app, user, path } = renderApp("/");
    await heading("Dashboard");
    await user.click(screen.getByRole("button", { name: "Log out" }));
    await screen.findByLabelText("Password");
    expect(path()).toBe("/login");
    expect(api.loggedIn).toBe(false);
    await waitFor(() => expect(app.cache.getQueryCache().getAll()).toHaveLength(0));
  });

  it("does not pretend to have logged out", async () => {
    const { api, user, path } = renderApp("/");
    await heading("Dashboard");
    api.overrides.set("POST /api/v1/auth/logout", () =>
      problem(503, "store_away", "The store does not answer."),
    );
    await user.click(screen.getByRole("button", { name: "Log out" }));
    await screen.findByText("Not logged out: The store does not answer.");
    expect(path()).toBe("/");
  });

  it("shows the login when the session ended, and comes back", async () => {
    const { api, path, user } = renderApp("/mappings");
    await screen.findByRole("row", { name: /Photos/ });
    api.loggedIn = false;
    await user.click(screen.getByRole("switch", { name: "Git enabled" }));
    await screen.findByLabelText("Password");
    expect(path()).toBe("/login");
    await user.type(screen.getByLabelText("Password"), "octopus{Enter}");
    await heading("Mappings");
  });

  it("says that it lost its console, and takes that back", async () => {
    const { api } = renderApp("/");
    await heading("Dashboard");
    await waitFor(() => expect(api.log).toContain("GET /api/v1/events"));
    api.away = true;
    await screen.findByText("Lost the connection to this console.", undefined, { timeout: 10_000 });
    api.away = false;
    await waitFor(() => expect(screen.queryByText("Lost the connection to this console.")).toBeNull(), {
      timeout: 15_000,
    });
  });

  it("asks for no password because the console is away", async () => {
    const { api } = renderApp("/mappings");
    api.away = true;
    await heading("Mappings");
    await screen.findByText("The mappings could not be loaded", undefined, { timeout: 15_000 });
    expect(screen.getByText(/The console does not answer/)).toBeTruthy();
  });

  it("has a page for what is not there", async () => {
    renderApp("/nowhere");
    await screen.findByText("There is no such page");
  });
});

describe("the palette", () => {
  it("opens by key, finds a mapping and goes there", async () => {
    const { api, user, path } = renderApp("/");
    await heading("Dashboard");
    await user.keyboard("{Control>}k{/Control}");
    await user.keyboard("graf");
    const options = await screen.findAllByRole("option");
    expect(options[0]?.textContent).toContain("Grafana");
    await user.keyboard("{Enter}");
    const grafana = api.mappings.find((mapping) => mapping.name === "Grafana");
    await waitFor(() => expect(path()).toBe(`/mappings/${grafana?.id}`));
    expect(screen.queryByRole("combobox")).toBeNull();
  });

  it("moves by arrows and acts", async () => {
    const { api, user } = renderApp("/");
    await heading("Dashboard");
    await user.click(screen.getByRole("button", { name: /^Go to/ }));
    await user.keyboard("{ArrowUp}{ArrowDown}{ArrowDown}");
    expect(screen.getAllByRole("option")[1]?.getAttribute("aria-selected")).toBe("true");
    await user.keyboard("force");
    expect(screen.getByRole("option", { selected: true }).textContent).toContain("Force Reconnect");
    await user.keyboard("{Enter}");
    await waitFor(() => expect(api.log).toContain("POST /api/v1/reconnect"));
  });

  it("says when nothing is found", async () => {
    const { user } = renderApp("/");
    await heading("Dashboard");
    await user.keyboard("{Meta>}k{/Meta}zzz");
    expect(screen.getByText("Nothing has this name.")).toBeTruthy();
  });

  it("puts a beginning before a middle", () => {
    const commands = [{ label: "Old photos" }, { label: "Photos", hint: "a.example" }, { label: "Git" }];
    expect(matching(commands, "pho").map((one) => one.label)).toEqual(["Photos", "Old photos"]);
    expect(matching(commands, "photos exa").map((one) => one.label)).toEqual(["Photos"]);
    expect(matching(commands, " ")).toHaveLength(3);
  });
});
