import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MockConsole, problem, type Scenario } from "../mock-api/console";
import { backupOf, definitionsOf } from "../mock-api/import-export";
import { renderApp } from "../testing/render";

async function open(scenario: Scenario | MockConsole = "busy") {
  const rendered = renderApp("/import-export", scenario);
  await screen.findByRole("heading", { level: 1, name: "Import/Export" });
  return rendered;
}

afterEach(() => vi.restoreAllMocks());

const json = (value: unknown) => new File([JSON.stringify(value)], "mine.json", { type: "application/json" });
const backup = (of: MockConsole) => new File([backupOf(of)], "mine.db");
const input = () => screen.findByLabelText("File to import") as Promise<HTMLInputElement>;
const button = (name: string) => screen.getByRole("button", { name });
const preview = async () => within(await screen.findByRole("region", { name: "Preview" }));
/** What would be stored, changed by the test. */
const definitions = (api: MockConsole) => JSON.parse(JSON.stringify(definitionsOf(api)));

describe("export", () => {
  const saved: { name: string; content: Blob }[] = [];

  beforeEach(() => {
    saved.length = 0;
    let made: Blob;
    vi.spyOn(URL, "createObjectURL").mockImplementation((content) => {
      made = content as Blob;
      return "blob:mock";
    });
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      saved.push({ name: this.download, content: made });
    });
  });

  it("saves the definitions under the console's name for them", async () => {
    const { api, user } = await open();
    await screen.findByText(`${api.mappings.length} mappings and the default landing page.`);
    await user.click(button("Export JSON"));
    await screen.findByText(/octoporty-agent-definitions-20260301T100000Z\.json, /);
    expect(saved[0]?.name).toBe("octoporty-agent-definitions-20260301T100000Z.json");
    expect(JSON.parse((await saved[0]?.content.text()) ?? "")).toEqual(definitionsOf(api));
  });

  it("saves a backup", async () => {
    const { user } = await open();
    await user.click(button("Download SQLite backup"));
    await waitFor(() => expect(saved[0]?.name).toBe("octoporty-agent-backup-20260301T100000Z.db"));
    expect((await saved[0]?.content.text())?.startsWith("SQLite format 3")).toBe(true);
  });

  it("says in place why there is no file", async () => {
    const { api, user } = await open();
    api.overrides.set("GET /api/v1/import-export/sqlite", () =>
      problem(503, "disk_full", "No room. Make room."),
    );
    await user.click(button("Download SQLite backup"));
    await screen.findByText("No room. Make room.");
    expect(saved).toHaveLength(0);
    api.overrides.clear();
    await user.click(button("Download SQLite backup"));
    await waitFor(() => expect(saved).toHaveLength(1));
  });

  it("says when there is nothing to export", async () => {
    await open("empty");
    await screen.findByText(/There is nothing to export yet/);
  });

  it("says when it cannot tell what there is, and tries again", async () => {
    const api = new MockConsole("busy");
    api.overrides.set("GET /api/v1/settings/landing-page", () => problem(503, "away", "The store is away."));
    const { user } = await open(api);
    await screen.findByText("What there is to export could not be loaded");
    api.overrides.clear();
    await user.click(button("Try again"));
    await screen.findByText(/mappings and the default landing page\./);
  });
});

describe("import", () => {
  it("shows what would be created, updated and skipped, and stores it only then", async () => {
    const { api, user } = await open();
    const file = definitions(api);
    const [first, second] = api.mappings;
    file.mappings[0].internalPort = 9090;
    file.mappings.push({
      externalDomain: "new.example.com",
      internalHost: "nas",
      internalPort: 80,
      description: "<b>New</b>",
    });
    file.landingPageIsDefault = false;
    file.landingPageHtml = "<h1>Mine</h1>";
    await user.upload(await input(), json(file));
    const shown = await preview();
    const created = within(shown.getByRole("list", { name: "Created" }));
    expect(created.getByText("<b>New</b>")).toBeTruthy();
    const updated = within(shown.getByRole("list", { name: "Updated" }));
    expect(updated.getByText(first?.name ?? "")).toBeTruthy();
    expect(updated.getByText("internalPort").parentElement?.textContent).toBe(
      `internalPort ${first?.internalPort} → 9090`,
    );
    expect(within(shown.getByRole("list", { name: "Skipped" })).getByText(second?.name ?? "")).toBeTruthy();
    expect(shown.getByText(/landing page replaced\.$/)).toBeTruthy();
    expect(api.mappings[0]?.internalPort).toBe(first?.internalPort);

    await user.click(button("Apply import"));
    await screen.findByText(/Stored: 1 created, 1 updated/);
    expect(api.mappings[0]?.internalPort).toBe(9090);
    expect(api.mappings.at(-1)?.name).toBe("<b>New</b>");
    expect(api.landingPage.html).toBe("<h1>Mine</h1>");
    expect(screen.queryByRole("region", { name: "Preview" })).toBeNull();
    await input();
  });

  it("takes a file that is dropped", async () => {
    const { api } = await open();
    await input();
    const zone = document.querySelector("[data-drop-zone]") as HTMLElement;
    const file = definitions(api);
    file.mappings[0].internalPort = 9090;
    fireEvent.drop(zone, { dataTransfer: { files: [json(file)] } });
    expect((await preview()).getByRole("list", { name: "Updated" })).toBeTruthy();
  });

  it("opens the file picker by its button", async () => {
    const { user } = await open();
    const click = vi.spyOn(await input(), "click");
    await user.click(button("Choose file"));
    expect(click).toHaveBeenCalledOnce();
  });

  it("leaves everything as it is on Cancel", async () => {
    const { api, user } = await open();
    const before = api.mappings;
    await user.upload(await input(), json({ ...definitions(api), mappings: [] }));
    await preview();
    await user.click(button("Cancel"));
    await input();
    expect(api.mappings).toBe(before);
  });

  it("names each mistake at its place and does not offer to apply", async () => {
    const { api, user } = await open();
    const file = definitions(api);
    file.mappings[1].internalPort = 70_000;
    await user.upload(await input(), json(file));
    const errors = within(await screen.findByRole("list", { name: "Errors" }));
    expect(errors.getByText("mappings[1].internalPort")).toBeTruthy();
    expect(errors.getByText("A port is a number from 1 to 65535, this one is 70000.")).toBeTruthy();
    expect(button("Apply import")).toHaveProperty("disabled", true);
  });

  it("has nothing to apply when all of it is stored already", async () => {
    const { api, user } = await open();
    await user.upload(await input(), json(definitions(api)));
    await preview();
    expect(button("Apply import")).toHaveProperty("disabled", true);
  });

  it("says why a file is refused, and takes another", async () => {
    const { api, user } = await open();
    await user.upload(await input(), new File(["hello"], "letter.json"));
    await screen.findByText("letter.json cannot be imported");
    expect(screen.getByText(/The file is not JSON/)).toBeTruthy();
    await user.upload(await input(), json(definitions(api)));
    await preview();
    expect(screen.queryByText("letter.json cannot be imported")).toBeNull();
  });

  it("refuses a file that is too large before it is sent", async () => {
    const { api, user } = await open();
    const large = json({});
    Object.defineProperty(large, "size", { value: 33 * 1_024 * 1_024 });
    await user.upload(await input(), large);
    await screen.findByText(/at most 32 MiB, this one has 33 MiB/);
    expect(api.log.filter((route) => route.startsWith("POST /api/v1/import-export"))).toEqual([]);
  });

  it("shows that it reads", async () => {
    const { api, user } = await open();
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    api.overrides.set("POST /api/v1/import-export/import", async () => {
      await held;
      return problem(400, "malformed", "Cut off.");
    });
    await user.upload(await input(), json({}));
    await screen.findByRole("status", { name: "Reading mine.json" });
    answer();
    await screen.findByText("Cut off.");
  });

  it("does not apply a preview that is no longer true, and makes another", async () => {
    const { api, user } = await open();
    const file = definitions(api);
    file.mappings[0].internalPort = 9090;
    await user.upload(await input(), json(file));
    await preview();
    api.mappings = api.mappings.slice(0, 2);
    await user.click(button("Apply import"));
    await screen.findByText("The settings were changed since this preview.");
    expect(api.mappings[0]?.internalPort).not.toBe(9090);
    await user.click(button("Preview again"));
    await waitFor(() => expect(screen.queryByText("Nothing was stored")).toBeNull());
    await preview();
    await user.click(button("Apply import"));
    await screen.findByText(/^Stored: /);
    expect(api.mappings[0]?.internalPort).toBe(9090);
  });
});

describe("restore", () => {
  it("says what is replaced, asks, and does it", async () => {
    const { api, user } = await open();
    const file = backup(api);
    const count = api.mappings.length;
    const [first, ...rest] = api.mappings;
    api.mappings = [
      ...rest,
      {
        ...(first as (typeof rest)[number]),
        id: "later",
        name: "Later",
        externalDomain: "later.example.com",
      },
    ];
    await user.upload(await input(), file);
    const shown = await preview();
    expect(within(shown.getByRole("list", { name: "Deleted" })).getByText("Later")).toBeTruthy();
    await user.click(button("Restore…"));
    const dialog = () => within(screen.getByRole("alertdialog", { name: "Restore this backup?" }));
    expect(dialog().getByText(/1 mapping goes/).textContent).toContain("Later");
    await user.click(dialog().getByRole("button", { name: "Cancel" }));
    expect(api.mappings.some((one) => one.id === "later")).toBe(true);
    await user.click(button("Restore…"));
    await user.click(dialog().getByRole("button", { name: "Restore" }));
    await screen.findByText(/^Stored: 1 created, 1 deleted/);
    expect(api.mappings).toHaveLength(count);
    expect(api.mappings.some((one) => one.id === "later")).toBe(false);
  });

  it("tells why a backup is refused", async () => {
    const { user } = await open();
    await user.upload(await input(), new File(["SQLite format 3\0 and no more"], "half.db"));
    await screen.findByText("half.db cannot be imported");
    expect(screen.getByText(/was cut off/)).toBeTruthy();
  });
});

it("is in the rail", async () => {
  const { user, path } = renderApp("/settings");
  await screen.findByRole("heading", { level: 1, name: "Settings" });
  const nav = within(screen.getByRole("navigation", { name: "Main" }));
  await user.click(
    within(nav.getByRole("region", { name: "Setup" })).getByRole("link", { name: "Import/Export" }),
  );
  await screen.findByRole("heading", { level: 1, name: "Import/Export" });
  expect(path()).toBe("/import-export");
});
