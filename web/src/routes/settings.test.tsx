import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { problem } from "../mock-api/console";
import { renderApp } from "../testing/render";

async function open() {
  const rendered = renderApp("/settings");
  await screen.findByRole("heading", { level: 1, name: "Settings" });
  await screen.findByLabelText("HTML Editor");
  return rendered;
}

const editor = () => screen.getByLabelText("HTML Editor") as HTMLTextAreaElement;
const write = (html: string) => fireEvent.change(editor(), { target: { value: html } });
const save = () => screen.getByRole("button", { name: "Save Changes" });

/** A page was stored, and the question whether to reset it is open. */
async function askedToReset() {
  const { api, user } = await open();
  write("<h1>Hello</h1>");
  await user.click(save());
  await screen.findByText("Saved");
  await user.click(screen.getByRole("button", { name: "Reset to Default" }));
  return { api, user, dialog: () => within(screen.getByRole("alertdialog", { name: "Reset to Default?" })) };
}

describe("the landing page", () => {
  it("is shown with its status and hash; nothing to save while it is clean", async () => {
    const { api } = await open();
    expect(editor().value).toBe(api.landingPage.html);
    expect(screen.getByText("Status:").parentElement?.textContent).toContain("Default");
    expect(screen.getByText("Hash:").parentElement?.textContent).toContain(api.landingPage.hash.slice(0, 8));
    expect(save()).toHaveProperty("disabled", true);
    expect(screen.getByRole("button", { name: "Reset to Default" })).toHaveProperty("disabled", true);
  });

  it("is previewed without scripts as it is typed", async () => {
    const { api } = await open();
    const frame = screen.getByTitle("Live Preview");
    expect(frame.getAttribute("sandbox")).toBe("allow-scripts");
    expect(frame.getAttribute("src")).toBe("/preview.html");
    const postMessage = vi.fn();
    Object.defineProperty(frame, "contentWindow", { value: { postMessage } });
    fireEvent.load(frame);
    expect(postMessage).toHaveBeenLastCalledWith(api.landingPage.html, "*");
    write("<h1>Hello</h1>");
    await waitFor(() => expect(postMessage).toHaveBeenLastCalledWith("<h1>Hello</h1>", "*"));
    expect(screen.getByText("Unsaved changes")).toBeTruthy();
  });

  it("is clean again when the change is taken back", async () => {
    const { api } = await open();
    write("<h1>Hello</h1>");
    write(api.landingPage.html);
    expect(screen.queryByText("Unsaved changes")).toBeNull();
    expect(save()).toHaveProperty("disabled", true);
  });

  it("is stored", async () => {
    const { api, user } = await open();
    write("<h1>Hello</h1>");
    await user.click(save());
    await screen.findByText("Saved");
    expect(api.landingPage).toMatchObject({ html: "<h1>Hello</h1>", isDefault: false });
    expect(screen.getByText("Status:").parentElement?.textContent).toContain("Custom");
    expect(save()).toHaveProperty("disabled", true);
  });

  it("keeps what was typed when it could not be stored, and says why", async () => {
    const { api, user } = await open();
    api.overrides.set("PUT /api/v1/settings/landing-page", () =>
      problem(503, "store_away", "The disk is full."),
    );
    write("<h1>Hello</h1>");
    await user.click(save());
    await screen.findByText("The disk is full.");
    expect(editor().value).toBe("<h1>Hello</h1>");
    expect(save()).toHaveProperty("disabled", false);
  });

  it("keeps what is typed while it is being stored, to be stored next", async () => {
    const { api, user } = await open();
    const sent = { html: "<h1>Hello</h1>", hash: "2".repeat(32), isDefault: false };
    let answer = () => {};
    const stored = new Promise<void>((resolve) => {
      answer = resolve;
    });
    api.overrides.set("PUT /api/v1/settings/landing-page", async () => {
      await stored;
      api.landingPage = sent;
      return Response.json(sent);
    });
    write(sent.html);
    await user.click(save());
    await screen.findByRole("button", { name: "Saving…" });
    write("<h1>Hello you</h1>");
    answer();
    await waitFor(() => expect(save()).toHaveProperty("disabled", false));
    expect(editor().value).toBe("<h1>Hello you</h1>");
    expect(screen.getByText("Unsaved changes")).toBeTruthy();
    await user.click(save());
    await screen.findByText("Saved");
    expect(api.landingPage.html).toBe("<h1>Hello you</h1>");
  });

  it("does not overwrite what another tab stored meanwhile", async () => {
    const { api, user } = await open();
    write("<p>mine</p>");
    api.landingPage = { html: "<p>theirs</p>", hash: "3".repeat(32), isDefault: false };
    await user.click(save());
    await screen.findByText(/Somebody else stored another page/);
    expect(api.landingPage.html).toBe("<p>theirs</p>");
    expect(editor().value).toBe("<p>mine</p>");
    await user.click(screen.getByRole("button", { name: "Load what is stored" }));
    await waitFor(() => expect(editor().value).toBe("<p>theirs</p>"));
    expect(screen.queryByText("Not saved")).toBeNull();
  });

  it("may be neither empty nor over its limit", async () => {
    await open();
    write("  \n");
    expect(screen.getByText(/The page is empty/)).toBeTruthy();
    expect(save()).toHaveProperty("disabled", true);
    // As UTF-8: two bytes a letter.
    write("ü".repeat(524_289));
    expect(screen.getByText(/the most is 1\.0 MiB/)).toBeTruthy();
    expect(save()).toHaveProperty("disabled", true);
  });

  it("is reset only after asking", async () => {
    const { api, user, dialog } = await askedToReset();
    await user.click(dialog().getByRole("button", { name: "Cancel" }));
    expect(api.landingPage.isDefault).toBe(false);
    await user.click(screen.getByRole("button", { name: "Reset to Default" }));
    await user.click(dialog().getByRole("button", { name: "Reset" }));
    await waitFor(() => expect(api.landingPage.isDefault).toBe(true));
    await waitFor(() => expect(editor().value).toBe(api.landingPage.html));
  });

  it("is not reset when another tab stored a page meanwhile", async () => {
    const { api, user, dialog } = await askedToReset();
    api.landingPage = { html: "<p>theirs</p>", hash: "3".repeat(32), isDefault: false };
    await user.click(dialog().getByRole("button", { name: "Reset" }));
    await dialog().findByText(/Somebody else stored another page meanwhile/);
    expect(api.landingPage.html).toBe("<p>theirs</p>");
    await user.click(dialog().getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(editor().value).toBe("<p>theirs</p>"));
    await user.click(screen.getByRole("button", { name: "Reset to Default" }));
    expect(dialog().queryByText(/Somebody else/)).toBeNull();
    await user.click(dialog().getByRole("button", { name: "Reset" }));
    await waitFor(() => expect(api.landingPage.isDefault).toBe(true));
  });

  it("is not left with unsaved changes without asking", async () => {
    const { user, path } = await open();
    write("<h1>Hello</h1>");
    await user.click(screen.getByRole("link", { name: "Mappings" }));
    const dialog = within(await screen.findByRole("alertdialog", { name: "Leave without saving?" }));
    await user.click(dialog.getByRole("button", { name: "Cancel" }));
    expect(path()).toBe("/settings");
    expect(editor().value).toBe("<h1>Hello</h1>");
  });

  it("follows a page that was stored elsewhere, unless something is typed", async () => {
    const { api } = await open();
    await waitFor(() => expect(api.log).toContain("GET /api/v1/events"));
    api.landingPage = { html: "<p>elsewhere</p>", hash: "0".repeat(32), isDefault: false };
    api.emit({ event: "mappings-changed", data: { revision: 43 } });
    await waitFor(() => expect(editor().value).toBe("<p>elsewhere</p>"));
    write("<p>mine</p>");
    api.landingPage = { html: "<p>later</p>", hash: "1".repeat(32), isDefault: false };
    api.emit({ event: "mappings-changed", data: { revision: 44 } });
    await screen.findByText("11111111");
    expect(editor().value).toBe("<p>mine</p>");
  });

  it("indents with Tab, and lets the keyboard out after Escape", async () => {
    const { user } = await open();
    editor().focus();
    editor().setSelectionRange(0, 0);
    await user.keyboard("{Tab}");
    expect(editor().value.startsWith("  <!doctype")).toBe(true);
    await user.keyboard("{Escape}{Tab}");
    expect(document.activeElement).not.toBe(editor());
  });
});

it("the theme is chosen in words and remembered", async () => {
  const { user } = await open();
  await user.click(screen.getByRole("button", { name: "Light" }));
  expect(document.documentElement.dataset["theme"]).toBe("light");
  expect(localStorage.getItem("octoporty.theme")).toBe("light");
  await user.click(screen.getByRole("button", { name: "System" }));
  expect(document.documentElement.dataset["theme"]).toBeUndefined();
  expect(localStorage.getItem("octoporty.theme")).toBeNull();
});
