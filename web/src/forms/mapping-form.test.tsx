import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { problem } from "../mock-api/console";
import { renderApp } from "../testing/render";

async function openNew() {
  const rendered = renderApp("/mappings/new");
  await screen.findByRole("heading", { level: 1, name: "New mapping" });
  return rendered;
}

async function fill(user: Awaited<ReturnType<typeof openNew>>["user"]) {
  await user.type(screen.getByPlaceholderText("e.g., My Web App"), "Music");
  await user.type(screen.getByPlaceholderText("app.example.com"), "music.example.com");
  await user.clear(screen.getByPlaceholderText("localhost"));
  await user.type(screen.getByPlaceholderText("localhost"), "nas");
}

const messageAt = (label: string) => {
  const field = screen.getByLabelText(label);
  const ids = (field.getAttribute("aria-describedby") ?? "").split(" ");
  return ids.map((id) => document.getElementById(id)?.textContent).join(" ");
};

describe("making a mapping", () => {
  it("previews the public URL while it is typed", async () => {
    const { user } = await openNew();
    await user.type(screen.getByLabelText("Domain"), "Music.example.com");
    await screen.findByText("https://music.example.com/");
    await user.clear(screen.getByLabelText("Path prefix"));
    await user.type(screen.getByLabelText("Path prefix"), "/listen");
    await screen.findByText("https://music.example.com/listen");
  });

  it("stores what was typed and shows it in the list", async () => {
    const { api, user, path } = await openNew();
    await fill(user);
    await user.clear(screen.getByLabelText("Path prefix"));
    await user.type(screen.getByLabelText("Path prefix"), "/listen");
    await user.click(screen.getByRole("switch", { name: "Strip prefix" }));
    await user.selectOptions(screen.getByLabelText("Protocol"), "https");
    expect(screen.getByLabelText("Port")).toHaveProperty("value", "443");
    await user.click(screen.getByRole("switch", { name: "Allow Invalid Certificates" }));
    await user.selectOptions(screen.getByLabelText("Host header"), "Another name");
    await user.type(screen.getByLabelText("Host name"), "music.internal");
    await user.selectOptions(screen.getByLabelText("Compression"), "Never");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(path()).toBe("/mappings"));
    await screen.findByText("Mapping created: Music");
    expect(api.mappings.at(-1)).toMatchObject({
      name: "Music",
      externalDomain: "music.example.com",
      pathPrefix: "/listen",
      stripPrefix: true,
      internalProtocol: "Https",
      internalHost: "nas",
      internalPort: 443,
      allowInvalidCertificates: true,
      hostHeader: "music.internal",
      compression: "off",
      enabled: true,
    });
    await screen.findByRole("row", { name: /Music/ });
  });

  it("tells what is missing at its field, focuses it, and sends nothing", async () => {
    const { api, user } = await openNew();
    await user.clear(screen.getByLabelText("Port"));
    await user.type(screen.getByLabelText("Port"), "99999");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(messageAt("Name")).toContain("Give it a name");
    expect(messageAt("Domain")).toContain("A domain is needed");
    expect(messageAt("Port")).toContain("1 to 65535");
    expect(document.activeElement).toBe(screen.getByLabelText("Name"));
    expect(api.log).not.toContain("POST /api/v1/mappings");
    await user.type(screen.getByLabelText("Name"), "x");
    expect(screen.getByLabelText("Name").getAttribute("aria-invalid")).toBeNull();
  });

  it("puts the server's errors at their fields", async () => {
    const { user, path } = await openNew();
    await fill(user);
    await user.clear(screen.getByLabelText("Domain"));
    await user.type(screen.getByLabelText("Domain"), "invalid!domain");
    await user.clear(screen.getByLabelText("Path prefix"));
    await user.type(screen.getByLabelText("Path prefix"), "listen");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(messageAt("Domain")).toContain("not a legal part of a domain"));
    expect(messageAt("Path prefix")).toContain("begins with '/'");
    expect(document.activeElement).toBe(screen.getByLabelText("Domain"));
    expect(path()).toBe("/mappings/new");
  });

  it("names who holds the domain", async () => {
    const { user } = await openNew();
    await fill(user);
    await user.clear(screen.getByLabelText("Domain"));
    await user.type(screen.getByLabelText("Domain"), "photos.example.com");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(messageAt("Domain")).toContain("“Photos”"));
  });

  it("says what belongs to no field", async () => {
    const { api, user } = await openNew();
    await fill(user);
    api.overrides.set("POST /api/v1/mappings", () => problem(503, "store_away", "The disk is full."));
    await user.click(screen.getByRole("button", { name: "Save" }));
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("The disk is full.");
  });

  it("opens the fold when the error is inside", async () => {
    const { user } = await openNew();
    await fill(user);
    await user.selectOptions(screen.getByLabelText("Host header"), "Another name");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(screen.getByLabelText("Host name").closest("details")?.open).toBe(true);
    expect(messageAt("Host name")).toContain("Write the name");
  });

  it("goes back without asking on Cancel", async () => {
    const { user, path } = await openNew();
    await fill(user);
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(path()).toBe("/mappings"));
  });

  it("asks before another way out loses what was typed", async () => {
    const { user, path } = await openNew();
    await fill(user);
    await user.click(screen.getByRole("link", { name: "Dashboard" }));
    const dialog = within(await screen.findByRole("alertdialog", { name: "Leave without saving?" }));
    await user.click(dialog.getByRole("button", { name: "Cancel" }));
    expect(path()).toBe("/mappings/new");
    expect(screen.getByLabelText("Name")).toHaveProperty("value", "Music");
    await user.click(screen.getByRole("link", { name: "Dashboard" }));
    await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Leave" }));
    await waitFor(() => expect(path()).toBe("/"));
  });
});

describe("Test target", () => {
  it("answers in place with what the agent saw", async () => {
    const { user } = await openNew();
    await user.click(screen.getByRole("button", { name: "Test target" }));
    await screen.findByText("The target answered.");
    expect(document.body.textContent).toContain("HTTP 200 · 192.168.1.5:80 · 3.4 ms");
  });

  it("says why and what to change", async () => {
    const { user } = await openNew();
    await user.clear(screen.getByLabelText("Port"));
    await user.type(screen.getByLabelText("Port"), "9");
    await user.click(screen.getByRole("button", { name: "Test target" }));
    await screen.findByText("localhost:9 refused the connection.");
    expect(screen.getByText(/Start the service/)).toBeTruthy();
  });

  it("takes its answer away when the target is changed", async () => {
    const { user } = await openNew();
    await user.click(screen.getByRole("button", { name: "Test target" }));
    await screen.findByText("The target answered.");
    await user.type(screen.getByLabelText("Port"), "80");
    expect(screen.queryByText("The target answered.")).toBeNull();
  });

  it("does not ask about what is no target", async () => {
    const { api, user } = await openNew();
    await user.clear(screen.getByLabelText("Host"));
    await user.click(screen.getByRole("button", { name: "Test target" }));
    expect(messageAt("Host")).toContain("A host is needed");
    expect(api.log).not.toContain("POST /api/v1/mappings/test-target");
  });
});

describe("changing a mapping", () => {
  async function openPhotos() {
    const rendered = renderApp("/mappings");
    await rendered.user.click(await screen.findByRole("link", { name: "Edit Photos" }));
    await screen.findByRole("heading", { level: 1, name: "Photos" });
    return rendered;
  }

  it("shows what is stored, and stores the change", async () => {
    const { api, user, path } = await openPhotos();
    expect(screen.getByLabelText("Domain")).toHaveProperty("value", "photos.example.com");
    expect(screen.getByLabelText("Host")).toHaveProperty("value", "nas.home.arpa");
    await user.clear(screen.getByLabelText("Port"));
    await user.type(screen.getByLabelText("Port"), "2284");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(path()).toBe("/mappings"));
    await screen.findByText("Mapping updated: Photos");
    expect(api.mappings.find((mapping) => mapping.name === "Photos")?.internalPort).toBe(2284);
  });

  it("does not overwrite what somebody else changed meanwhile", async () => {
    const { api, user, path } = await openPhotos();
    api.mappings = api.mappings.map((mapping) =>
      mapping.name === "Photos"
        ? { ...mapping, internalPort: 9_999, updatedAt: new Date().toISOString() }
        : mapping,
    );
    await user.type(screen.getByLabelText("Name"), " of mine");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByText(/Somebody else changed this mapping/);
    expect(api.mappings.some((mapping) => mapping.name === "Photos of mine")).toBe(false);
    await user.click(screen.getByRole("button", { name: "Load what is stored" }));
    await waitFor(() => expect(screen.getByLabelText("Port")).toHaveProperty("value", "9999"));
    expect(screen.getByLabelText("Name")).toHaveProperty("value", "Photos");
    await user.type(screen.getByLabelText("Name"), " of mine");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(path()).toBe("/mappings"));
    expect(api.mappings.find((mapping) => mapping.name === "Photos of mine")?.internalPort).toBe(9_999);
  });

  it("shows the last requests, and new ones as they end", async () => {
    const { api } = await openPhotos();
    const table = await screen.findByRole("table", { name: "Last requests" });
    expect(within(table).getAllByRole("row").length).toBeGreaterThan(10);
    const [photos] = api.mappings;
    if (!photos) throw new Error("the mock has mappings");
    await waitFor(() => expect(api.log).toContain("GET /api/v1/events"));
    api.visit(photos, { path: "/just-now", method: "PUT", status: 502, error: "target_refused" });
    const row = await within(table).findByRole("row", { name: /PUT \/just-now target refused/ });
    expect(row.textContent).toContain("502");
  });

  it("leads to a request's particulars, to all of them, and to the inspector", async () => {
    const { path, user } = await openPhotos();
    const inspect = screen.getByRole("link", { name: "Inspect" });
    expect(inspect.getAttribute("href")).toContain(encodeURIComponent("https://photos.example.com/"));
    const all = screen.getByRole("link", { name: "All requests" });
    expect(all.getAttribute("href")).toMatch(/\/logs\/requests\?mapping=/);
    const table = await screen.findByRole("table", { name: "Last requests" });
    await user.click(within(table).getByRole("link", { name: "POST /api/search/smart" }));
    const drawer = within(await screen.findByRole("dialog"));
    await drawer.findByText("First byte timeout");
    expect(path()).toBe("/logs/requests");
  });

  it("does not lose what is typed when news arrive", async () => {
    const { api, user } = await openPhotos();
    await user.clear(screen.getByLabelText("Name"));
    await user.type(screen.getByLabelText("Name"), "Pictures");
    await waitFor(() => expect(api.log).toContain("GET /api/v1/events"));
    api.emit({ event: "mappings-changed", data: { revision: 43 } });
    await waitFor(() =>
      expect(api.log.filter((route) => route === "GET /api/v1/mappings").length).toBeGreaterThan(0),
    );
    expect(screen.getByLabelText("Name")).toHaveProperty("value", "Pictures");
  });

  it("can be deleted from here", async () => {
    const { api, user, path } = await openPhotos();
    await user.click(screen.getByRole("button", { name: "Delete" }));
    await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(path()).toBe("/mappings"));
    expect(api.mappings.some((mapping) => mapping.name === "Photos")).toBe(false);
  });

  it("says when there is no such mapping", async () => {
    renderApp("/mappings/00000000-0000-7000-8000-000000000000");
    await screen.findByText("There is no such page");
  });
});
