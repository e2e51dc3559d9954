import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { problem } from "../mock-api/console";
import { sampleMapping } from "../mock-api/samples";
import { renderApp } from "../testing/render";
import { selected } from "./mappings/filter";

const names = () =>
  within(screen.getByRole("table", { name: "Mappings" }))
    .getAllByRole("row")
    .slice(1)
    .map((row) => within(row).getAllByRole("cell")[0]?.textContent);

async function open(scenario: Parameters<typeof renderApp>[1] = "busy") {
  const rendered = renderApp("/mappings", scenario);
  await screen.findByRole("heading", { level: 1, name: "Mappings" });
  return rendered;
}

describe("the list of mappings", () => {
  it("shows each with state, public URL and target, by name", async () => {
    await open();
    await screen.findByRole("table", { name: "Mappings" });
    expect(names()).toEqual([
      "Git",
      "Grafana",
      "Home Assistant",
      "Old blog",
      "Paperless",
      "Photos",
      "Preview builds of the documentation site",
      "Wiki",
    ]);
    const row = within(screen.getByRole("row", { name: /Grafana/ }));
    expect(row.getByText("Target down")).toBeTruthy();
    expect(row.getByText("http://192.168.1.31:3000")).toBeTruthy();
    expect(row.getByRole("link", { name: "Open https://grafana.example.com/" }).getAttribute("href")).toBe(
      "https://grafana.example.com/",
    );
    expect(within(screen.getByRole("row", { name: /Wiki/ })).getByText("Refused")).toBeTruthy();
  });

  it("offers no address to open for a wildcard", async () => {
    await open();
    const row = within(await screen.findByRole("row", { name: /Preview builds/ }));
    expect(row.queryByRole("link", { name: /^Open/ })).toBeNull();
  });

  it("filters by state with counts, and by words", async () => {
    const { user } = await open();
    await user.click(await screen.findByRole("button", { name: "Disabled 1" }));
    expect(names()).toEqual(["Old blog"]);
    await user.click(screen.getByRole("button", { name: "Active 7" }));
    expect(names()).toHaveLength(7);
    await user.type(screen.getByPlaceholderText(/Search/), "nas 2283");
    expect(names()).toEqual(["Photos"]);
    await user.type(screen.getByPlaceholderText(/Search/), " nothing");
    await user.click(screen.getByRole("button", { name: "Show all" }));
    expect(names()).toHaveLength(8);
  });

  it("remembers the view", async () => {
    const { user } = await open();
    await user.click(await screen.findByRole("button", { name: "Grid view" }));
    expect(within(screen.getByRole("list", { name: "Mappings" })).getAllByRole("listitem")).toHaveLength(8);
    expect(localStorage.getItem("octoporty.mappings.view")).toBe("grid");
    await user.click(screen.getByRole("button", { name: "Table view" }));
    expect(names()).toHaveLength(8);
  });

  it("switches a mapping off and on, and says so", async () => {
    const { api, user } = await open();
    const toggle = await screen.findByRole("switch", { name: "Git enabled" });
    await user.click(toggle);
    await screen.findByText("Git disabled");
    expect(api.mappings.find((mapping) => mapping.name === "Git")?.enabled).toBe(false);
    expect(screen.getByRole("switch", { name: "Git enabled" }).getAttribute("aria-checked")).toBe("false");
    await user.click(screen.getByRole("switch", { name: "Git enabled" }));
    await screen.findByText("Git enabled");
  });

  it("takes a switch back that the server refused", async () => {
    const { api, user } = await open();
    const toggle = await screen.findByRole("switch", { name: "Git enabled" });
    const git = api.mappings.find((mapping) => mapping.name === "Git");
    api.overrides.set(`PATCH /api/v1/mappings/${git?.id}/toggle`, () =>
      problem(503, "store_away", "The disk is full."),
    );
    await user.click(toggle);
    await screen.findByText("Git was not changed: The disk is full.");
    await waitFor(() =>
      expect(screen.getByRole("switch", { name: "Git enabled" }).getAttribute("aria-checked")).toBe("true"),
    );
  });

  it("deletes only after asking, and says what it cuts", async () => {
    const { api, user } = await open();
    await user.click(await screen.findByRole("button", { name: "Delete Photos" }));
    const dialog = within(screen.getByRole("alertdialog", { name: "Delete Photos?" }));
    expect(dialog.getByText(/get 404 at once/)).toBeTruthy();
    expect(dialog.getByText(/Are you sure/)).toBeTruthy();
    await user.click(dialog.getByRole("button", { name: "Cancel" }));
    expect(screen.queryByRole("alertdialog")).toBeNull();
    expect(api.mappings).toHaveLength(8);
    await user.click(screen.getByRole("button", { name: "Delete Photos" }));
    await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Delete" }));
    await screen.findByText("Photos deleted");
    expect(names()).not.toContain("Photos");
    expect(api.mappings).toHaveLength(7);
  });

  it("keeps the question open with the reason when a delete fails", async () => {
    const { api, user } = await open();
    const photos = api.mappings.find((mapping) => mapping.name === "Photos");
    api.overrides.set(`DELETE /api/v1/mappings/${photos?.id}`, () =>
      problem(503, "store_away", "The disk is full."),
    );
    await user.click(await screen.findByRole("button", { name: "Delete Photos" }));
    await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Delete" }));
    await within(screen.getByRole("alertdialog")).findByText("The disk is full.");
  });

  it("counts a mapping that is gone already as deleted", async () => {
    const { api, user } = await open();
    await user.click(await screen.findByRole("button", { name: "Delete Photos" }));
    api.mappings = api.mappings.filter((mapping) => mapping.name !== "Photos");
    await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Delete" }));
    await screen.findByText("Photos deleted");
  });

  it("follows live states", async () => {
    const { api } = await open();
    const row = await screen.findByRole("row", { name: /Photos/ });
    await waitFor(() => expect(api.log).toContain("GET /api/v1/events"));
    const [photos] = api.mappings;
    if (!photos) throw new Error("the mock has mappings");
    const live = { state: "target_down", code: "target_timeout", reason: "No answer." } as const;
    api.emit({ event: "mapping-status", data: { mappings: [{ id: photos.id, sync: photos.sync, live }] } });
    await within(row).findByText("Target down");
  });

  it("shows what another window made", async () => {
    const { api } = await open();
    await screen.findByRole("row", { name: /Photos/ });
    await waitFor(() => expect(api.log).toContain("GET /api/v1/events"));
    api.mappings = [...api.mappings, sampleMapping({ name: "Made elsewhere" }, Date.now())];
    api.emit({ event: "mappings-changed", data: { revision: 43 } });
    await screen.findByRole("row", { name: /Made elsewhere/ });
  });

  it("names the next step when there is none", async () => {
    await open("empty");
    await screen.findByText("No mapping yet");
    expect(screen.getByRole("link", { name: "Create the first one" }).getAttribute("href")).toBe(
      "/mappings/new",
    );
  });

  it("says when it could not be loaded", async () => {
    const { api, user } = renderApp("/mappings");
    api.overrides.set("GET /api/v1/mappings", () => problem(503, "store_away", "The store does not answer."));
    await screen.findByText("The mappings could not be loaded");
    api.overrides.clear();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByRole("row", { name: /Photos/ });
  });

  it("draws many in steps", async () => {
    const { api, user } = renderApp("/mappings", "empty");
    api.mappings = Array.from({ length: 250 }, (_, index) =>
      sampleMapping({ name: `App ${1_000 + index}` }, Date.now()),
    );
    await screen.findByRole("table", { name: "Mappings" });
    expect(names()).toHaveLength(200);
    await user.click(screen.getByRole("button", { name: "Show more" }));
    expect(names()).toHaveLength(250);
  });
});

it("finds by each word in name, public name or target", () => {
  const mapping = sampleMapping(
    { name: "My Photos", externalDomain: "pics.example.com", internalPort: 2283 },
    0,
  );
  expect(selected([mapping], "all", "PHOTOS pics :2283")).toHaveLength(1);
  expect(selected([mapping], "all", "photos other")).toHaveLength(0);
  expect(selected([mapping], "disabled", "")).toHaveLength(0);
});
