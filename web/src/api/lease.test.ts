import { beforeEach, describe, expect, it, vi } from "vitest";
import { alone } from "./lease";

/** Works that tell when they run at the same time. */
function watched() {
  let running = 0;
  let most = 0;
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 10));
    running -= 1;
  };
  return { work, most: () => most };
}

describe("one at a time, without Web Locks", () => {
  beforeEach(() => vi.stubGlobal("navigator", { ...navigator, locks: undefined }));

  it("keeps works apart", async () => {
    const { work, most } = watched();
    await Promise.all([alone(work), alone(work), alone(work)]);
    expect(most()).toBe(1);
  });

  it("gives its place back when the work fails", async () => {
    await expect(alone(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(alone(async () => 7)).resolves.toBe(7);
  });

  it("does not wait for a tab that is gone", async () => {
    localStorage.setItem("octoporty.session", `gone@${Date.now() - 60_000}`);
    await expect(alone(async () => 7)).resolves.toBe(7);
  });

  it("works where storage is forbidden", async () => {
    const forbidden = () => {
      throw new DOMException("denied", "SecurityError");
    };
    vi.stubGlobal("localStorage", {
      getItem: forbidden,
      setItem: forbidden,
      removeItem: forbidden,
      clear: () => {},
    });
    await expect(alone(async () => 7)).resolves.toBe(7);
  });
});

it("uses Web Locks where they are", async () => {
  const request = vi.fn((_: string, work: () => Promise<unknown>) => work());
  vi.stubGlobal("navigator", { locks: { request } });
  await expect(alone(async () => 7)).resolves.toBe(7);
  expect(request).toHaveBeenCalledTimes(1);
});
