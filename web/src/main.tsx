import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App, makeApp } from "./app";
import "./styles/base.css";

async function start(): Promise<void> {
  if (import.meta.env.MODE === "mock") {
    const { installMock } = await import("./mock-api/install");
    installMock();
  }
  const root = document.getElementById("root");
  if (!root) throw new Error("index.html has no #root");
  createRoot(root).render(
    <StrictMode>
      <App app={makeApp()} />
    </StrictMode>,
  );
}

void start();
