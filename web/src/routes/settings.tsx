import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { landingPageQuery } from "../api/landing-page";
import { LandingPageForm } from "../forms/landing-page-form";
import { LoadError } from "../layout/load-error";
import { PageHead, Section } from "../layout/page";
import { Segmented } from "../ui/segmented";
import { Skeleton } from "../ui/skeleton";
import { setTheme, type Theme, useTheme } from "../ui/theme";

export function Settings(): ReactNode {
  const query = useQuery(landingPageQuery);
  return (
    <>
      <PageHead title="Settings" about="What strangers see at the gateway, and how this console looks." />
      <Section title="Landing page">
        <p className="-mt-1 mb-4 max-w-2xl text-sm text-muted">
          Shown at the gateway's own name and, with status 404, to browsers at names that no mapping has.
        </p>
        {query.isError && !query.data && <LoadError what="The landing page" query={query} />}
        {query.isPending && (
          <div
            role="status"
            aria-label="Loading the landing page"
            className="grid grid-cols-1 gap-4 lg:grid-cols-2"
          >
            <Skeleton className="!h-[28rem] !rounded-md" />
            <Skeleton className="!h-[28rem] !rounded-md" />
          </div>
        )}
        {query.data && <LandingPageForm page={query.data} />}
      </Section>
      <Appearance />
    </>
  );
}

const THEMES: readonly { value: Theme; label: string }[] = [
  { value: "system", label: "System" },
  { value: "dark", label: "Dark" },
  { value: "light", label: "Light" },
];

function Appearance(): ReactNode {
  const theme = useTheme();
  return (
    <Section title="Appearance" className="mt-10">
      <div className="flex flex-wrap items-center gap-4">
        <Segmented label="Theme" value={theme} options={THEMES} onValue={setTheme} />
        <p className="text-sm text-muted">Remembered in this browser.</p>
      </div>
    </Section>
  );
}
