import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";
import { clearToasts } from "../ui/toast";
import { giveLayout } from "./layout";

// Never reached when right, whatever the machine is busy with.
configure({ asyncUtilTimeout: 10_000 });

// Tests of tools have no document.
if (typeof HTMLElement !== "undefined") giveLayout();

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  if (typeof document === "undefined") return;
  cleanup();
  clearToasts();
  localStorage.clear();
  delete document.documentElement.dataset["theme"];
});
