import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { Problem, ServerAway } from "../api/problem";
import { MOCK_PASSWORD, MockConsole } from "../mock-api/console";
import { renderApp } from "../testing/render";
import { refusalOf } from "./login-form";

async function openLogin(prepare?: (api: MockConsole) => void, address = "/login") {
  const api = new MockConsole();
  api.loggedIn = false;
  prepare?.(api);
  const rendered = renderApp(address, api);
  await screen.findByLabelText("Password");
  return rendered;
}

async function tryPassword(user: Awaited<ReturnType<typeof openLogin>>["user"], password: string) {
  await user.type(screen.getByLabelText("Password"), password);
  await user.click(screen.getByRole("button", { name: "Log in" }));
}

describe("logging in", () => {
  it("has the focus in the password, and nothing to send while it is empty", async () => {
    await openLogin();
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
    expect(screen.getByRole("button", { name: "Log in" })).toHaveProperty("disabled", true);
    expect(screen.queryByLabelText("User name")).toBeNull();
  });

  it("leads to the dashboard", async () => {
    const { user, path } = await openLogin();
    await tryPassword(user, MOCK_PASSWORD);
    await screen.findByRole("heading", { level: 1, name: "Dashboard" });
    expect(path()).toBe("/");
  });

  it("leads back to where one wanted to be", async () => {
    const { user, path } = await openLogin(undefined, "/settings");
    expect(path()).toBe("/login");
    await tryPassword(user, MOCK_PASSWORD);
    await screen.findByRole("heading", { level: 1, name: "Settings" });
  });

  it("does not lead to another site", async () => {
    const { user, path } = await openLogin(undefined, "/login?next=%2F%2Fevil.example%2F");
    await tryPassword(user, MOCK_PASSWORD);
    await waitFor(() => expect(path()).toBe("/"));
  });

  it("says that the password is wrong, and stays", async () => {
    const { user, path } = await openLogin();
    await tryPassword(user, "guess");
    await screen.findByText("Wrong password.");
    expect(screen.getByLabelText("Password")).toHaveProperty("value", "");
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
    expect(path()).toBe("/login");
  });

  it("says how long it is locked, counts down, and opens again", async () => {
    const { api, user } = await openLogin((console) => {
      console.failedLogins = 5;
    });
    await tryPassword(user, "guess");
    await screen.findByText("Locked after too many failed attempts");
    expect(screen.getByText("1:00")).toBeTruthy();
    expect(screen.getByRole("button", { name: "Log in" })).toHaveProperty("disabled", true);
    await screen.findByText("0:58", undefined, { timeout: 5_000 });
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 120_000);
    await screen.findByText("You can try again now.", undefined, { timeout: 5_000 });
    api.failedLogins = 0;
    expect(screen.getByRole("button", { name: "Log in" })).toHaveProperty("disabled", false);
  });

  it("says that the console is away", async () => {
    const { user } = await openLogin((console) => {
      console.away = true;
    });
    await tryPassword(user, MOCK_PASSWORD);
    await screen.findByText("The console does not answer");
  });

  it("asks for a user name only where one is configured", async () => {
    const { user } = await openLogin((console) => {
      console.username = "admin";
    });
    await tryPassword(user, MOCK_PASSWORD);
    await user.type(await screen.findByLabelText("User name"), "admin");
    await user.click(screen.getByRole("button", { name: "Log in" }));
    await screen.findByRole("heading", { level: 1, name: "Dashboard" });
  });
});

describe("why somebody is not in", () => {
  const problem = (status: number, retryAfter?: number) =>
    new Problem(status, "x", "detail", {}, undefined, retryAfter);

  it.each([
    [new ServerAway(), "away"],
    [problem(502), "away"],
    [problem(401), "wrong"],
    [problem(403), "other"],
    [problem(500), "other"],
    [new Error("odd"), "other"],
  ])("%o", (error, kind) => expect(refusalOf(error, 0).kind).toBe(kind));

  it("tells until when it is locked", () => {
    expect(refusalOf(problem(429, 300), 1_000)).toEqual({ kind: "locked", until: 301_000, seconds: 300 });
    expect(refusalOf(problem(429), 0)).toMatchObject({ seconds: 60 });
  });
});
