import type { ReactNode } from "react";
import { ButtonLink } from "../ui/button";
import { Empty } from "../ui/notice";

export function NotFound(): ReactNode {
  return (
    <Empty
      title="There is no such page"
      action={
        <ButtonLink to="/" variant="primary">
          To the dashboard
        </ButtonLink>
      }
      className="pt-24"
    >
      The address may be of another release, or the mapping was deleted.
    </Empty>
  );
}
