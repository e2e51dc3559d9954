import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { LogPage } from "./logs/page";

export function GatewayLogs(): ReactNode {
  const filter = useSearch({ from: "/shell/gateway/logs" });
  const { id } = useParams({ strict: false });
  const navigate = useNavigate();
  return (
    <LogPage
      source="gateway"
      filter={filter}
      onFilter={(change) =>
        void navigate({ to: "/gateway/logs", search: (old) => ({ ...old, ...change }), replace: true })
      }
      open={id === undefined ? undefined : Number(id)}
      onOpen={(next) =>
        void (next === undefined
          ? navigate({ to: "/gateway/logs", search: (old) => old, replace: true })
          : navigate({
              to: "/gateway/logs/$id",
              params: { id: String(next) },
              search: (old) => old,
              replace: id !== undefined,
            }))
      }
    />
  );
}
