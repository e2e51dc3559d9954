import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { LogPage } from "./logs/page";

export function AgentLogs(): ReactNode {
  const filter = useSearch({ from: "/shell/logs/agent" });
  const { id } = useParams({ strict: false });
  const navigate = useNavigate();
  return (
    <LogPage
      source="agent"
      filter={filter}
      onFilter={(change) =>
        void navigate({ to: "/logs/agent", search: (old) => ({ ...old, ...change }), replace: true })
      }
      open={id === undefined ? undefined : Number(id)}
      onOpen={(next) =>
        void (next === undefined
          ? navigate({ to: "/logs/agent", search: (old) => old, replace: true })
          : navigate({
              to: "/logs/agent/$id",
              params: { id: String(next) },
              search: (old) => old,
              replace: id !== undefined,
            }))
      }
    />
  );
}
