import { Outlet, useRouterState } from "@tanstack/react-router";
import { Menu, Search } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLive } from "../api/live-context";
import { IconButton } from "../ui/button";
import { Mark } from "../ui/mark";
import { Modal } from "../ui/modal";
import { Connection } from "./connection";
import { LostBanner } from "./lost-banner";
import { Palette } from "./palette";
import { Rail } from "./rail";
import { UpdateBanner } from "./update-banner";
import { UpdateDialogs } from "./update-dialogs";
import { useGatewayUpdate } from "./use-gateway-update";

/** The frame of every page behind the login: rail, banner, content; a top bar and a drawer on a phone. */
export function Shell(): ReactNode {
  const live = useLive();
  const update = useGatewayUpdate();
  const [palette, setPalette] = useState(false);
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setPalette((open) => !open);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);

  const openPalette = () => setPalette(true);
  const content = useRef<HTMLElement>(null);
  return (
    <>
      <button
        type="button"
        onClick={() => content.current?.focus()}
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-raised focus:px-3 focus:py-1.5"
      >
        Skip to content
      </button>
      <div className="flex min-h-dvh flex-col md:flex-row">
        <aside className="sticky top-0 hidden h-dvh w-56 shrink-0 border-r bg-surface md:block">
          <Rail onSearch={openPalette} />
        </aside>
        <TopBar onSearch={openPalette} />
        <div className="flex min-w-0 flex-1 flex-col">
          <LostBanner />
          <UpdateBanner update={update} />
          <main
            ref={content}
            tabIndex={-1}
            className="mx-auto w-full max-w-[1200px] flex-1 px-4 py-5 focus:outline-none md:px-8 md:py-7"
          >
            <Outlet />
          </main>
        </div>
      </div>
      {palette && <Palette onClose={() => setPalette(false)} onUpdate={update.ask} />}
      <UpdateDialogs update={update} />
    </>
  );
}

function TopBar({ onSearch }: { onSearch: () => void }): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <header className="sticky top-0 z-20 flex h-12 items-center gap-2 border-b bg-surface px-2 md:hidden">
      <IconButton icon={Menu} label="Open navigation" onClick={() => setOpen(true)} />
      <span className="text-accent">
        <Mark size={20} />
      </span>
      <div className="min-w-0 flex-1">
        <Connection compact />
      </div>
      <IconButton icon={Search} label="Search" onClick={onSearch} />
      {open && <Drawer onClose={() => setOpen(false)} onSearch={onSearch} />}
    </header>
  );
}

function Drawer({ onClose, onSearch }: { onClose: () => void; onSearch: () => void }): ReactNode {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const opened = useRef(path);
  useEffect(() => {
    if (path !== opened.current) onClose();
  }, [path, onClose]);
  return (
    <Modal
      onClose={onClose}
      aria-label="Navigation"
      className="slide-in fixed inset-y-0 left-0 m-0 h-dvh max-h-none w-64 border-r bg-surface p-0 text-ink"
    >
      <Rail
        onSearch={() => {
          onClose();
          onSearch();
        }}
        onChosen={onClose}
      />
    </Modal>
  );
}
