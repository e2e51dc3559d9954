import { screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { problem } from "../mock-api/console";
import { rejected } from "../mock-api/gateway";
import { renderApp } from "../testing/render";

const banner = () => screen.findByText(/gateway update available/i);
const update = () => screen.getByRole("button", { name: "Update Gateway" });
const ROUTE = "POST /api/v1/gateway/update";

/** Opens the question and says yes. */
async function confirm(user: ReturnType<typeof renderApp>["user"]) {
  await banner();
  await user.click(update());
  const question = await screen.findByRole("alertdialog", { name: "Update the gateway?" });
  await user.click(within(question).getByRole("button", { name: "Update Gateway" }));
  return question;
}

afterEach(() => vi.restoreAllMocks());

describe("an update of the gateway", () => {
  it("is no news while both are of one release", async () => {
    renderApp("/");
    await screen.findByRole("heading", { level: 1, name: "Dashboard" });
    await screen.findAllByText("ONLINE");
    expect(screen.queryByText(/gateway update available/i)).toBeNull();
  });

  it("is offered on every page with both releases, until it is dismissed", async () => {
    const { user } = renderApp("/settings", "outdated");
    const text = (await banner()).closest("section");
    expect(text?.textContent).toContain("It runs v0.0.9, this agent v0.1.0.");
    const nav = within(screen.getByRole("navigation", { name: "Main" }));
    await user.click(nav.getByRole("link", { name: "Mappings" }));
    await screen.findByRole("heading", { level: 1, name: "Mappings" });
    await banner();
    await user.click(screen.getByTitle("Dismiss"));
    await user.click(nav.getByRole("link", { name: "Dashboard" }));
    await screen.findByRole("heading", { level: 1, name: "Dashboard" });
    expect(screen.queryByText(/gateway update available/i)).toBeNull();
  });

  it("says what it will cut, and is not asked for when that is too much", async () => {
    const { api, user } = renderApp("/", "outdated");
    await banner();
    await user.click(update());
    const question = within(await screen.findByRole("alertdialog", { name: "Update the gateway?" }));
    expect(
      question.getByText(/visitors get errors for some seconds while the gateway restarts/),
    ).toBeTruthy();
    await user.click(question.getByRole("button", { name: "Cancel" }));
    expect(screen.queryByRole("alertdialog")).toBeNull();
    expect(api.log).not.toContain(ROUTE);
  });

  it("is waited for until the gateway answers with the new release", async () => {
    const { api, user } = renderApp("/", "outdated");
    await confirm(user);
    const modal = await screen.findByRole("dialog", { name: "Gateway Update Pending" });
    expect(within(modal).getByText("Queued")).toBeTruthy();
    expect(within(modal).getByText(/finds it at \/data\/update-signal/)).toBeTruthy();
    expect(within(modal).getByText("v0.1.0")).toBeTruthy();
    expect(within(modal).getByText("v0.0.9")).toBeTruthy();
    expect(within(modal).getByText("Last checked")).toBeTruthy();
    api.setStatus({ connectionStatus: "Reconnecting", gatewayUpdateAvailable: false });
    await within(modal).findByText("Gateway restarting");
    expect(screen.queryByText(/The gateway runs/)).toBeNull();
    api.setStatus({ connectionStatus: "Connected", gatewayVersion: "0.1.0", gatewayUpdateAvailable: false });
    await screen.findByText("The gateway runs v0.1.0 now");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(screen.queryByText(/gateway update available/i)).toBeNull();
  });

  it("goes on behind a closed modal, and says when it is done", async () => {
    const { api, user } = renderApp("/", "outdated");
    api.updateAnswer = { ...rejected(api.status, ""), success: true, error: null, status: "AlreadyQueued" };
    await confirm(user);
    const modal = within(await screen.findByRole("dialog", { name: "Gateway Update Pending" }));
    expect(modal.getByText("Already queued")).toBeTruthy();
    const [, close] = modal.getAllByRole("button", { name: "Close" });
    if (!close) throw new Error("the modal has no Close at its foot");
    await user.click(close);
    expect(screen.queryByRole("dialog")).toBeNull();
    await banner();
    api.setStatus({ gatewayVersion: "0.1.0", gatewayUpdateAvailable: false });
    await screen.findByText("The gateway runs v0.1.0 now");
  });

  it("does not miss its end when the news of it does not come", async () => {
    const { api, user } = renderApp("/", "outdated");
    await confirm(user);
    await screen.findByRole("dialog", { name: "Gateway Update Pending" });
    api.status = { ...api.status, gatewayVersion: "0.1.0", gatewayUpdateAvailable: false };
    await screen.findByText("The gateway runs v0.1.0 now");
  });

  it("says how to get an updater when nothing took the request for minutes", async () => {
    const { user } = renderApp("/", "outdated");
    await confirm(user);
    const modal = within(await screen.findByRole("dialog", { name: "Gateway Update Pending" }));
    expect(modal.queryByText(/octoporty-updater/)).toBeNull();
    const later = Date.now() + 4 * 60_000;
    vi.spyOn(Date, "now").mockReturnValue(later);
    await modal.findByText(/^Not updated after 4 min/, undefined, { timeout: 5_000 });
    expect(modal.getAllByText(/octoporty-updater/).length).toBeGreaterThan(0);
  });

  it("shows the gateway's refusal, and that it is away, where it was asked", async () => {
    const { api, user } = renderApp("/", "outdated");
    api.updateAnswer = rejected(api.status, "Updates from agents are switched off at the gateway.");
    const question = await confirm(user);
    await within(question).findByText("Rejected: Updates from agents are switched off at the gateway.");
    api.overrides.set(ROUTE, () => problem(503, "gateway_away", "Not connected to the gateway."));
    await user.click(within(question).getByRole("button", { name: "Update Gateway" }));
    await within(question).findByText("Not connected to the gateway.");
    expect(screen.queryByRole("dialog", { name: "Gateway Update Pending" })).toBeNull();
  });

  it("shows that it is being asked for", async () => {
    const { api, user } = renderApp("/", "outdated");
    let answer: (response: Response) => void = () => {};
    api.overrides.set(ROUTE, () => new Promise((resolve) => (answer = resolve)));
    const question = await confirm(user);
    const busy = await within(question).findByRole("button", { name: "Updating…" });
    expect(busy.getAttribute("aria-disabled")).toBe("true");
    answer(problem(504, "gateway_timeout", "The gateway did not answer within 15 s."));
    await within(question).findByText("The gateway did not answer within 15 s.");
  });

  it("can be asked for from the palette", async () => {
    const { user } = renderApp("/", "outdated");
    await banner();
    await user.keyboard("{Control>}k{/Control}");
    await user.type(await screen.findByRole("combobox"), "update gate");
    await user.keyboard("{Enter}");
    await screen.findByRole("alertdialog", { name: "Update the gateway?" });
    await waitFor(() => expect(screen.queryByRole("combobox")).toBeNull());
  });
});
