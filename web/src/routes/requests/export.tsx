import { Download } from "lucide-react";
import { type ReactNode, useState } from "react";
import { download } from "../../api/csv";
import { messageOf } from "../../api/problem";
import { MOST_IN_CSV, type RequestFilter, requestsAsCsv } from "../../api/request-log";
import { Button } from "../../ui/button";
import { toast } from "../../ui/toast";

/** Downloads what the filter finds. */
export function ExportButton({ filter }: { filter: RequestFilter }): ReactNode {
  const [count, setCount] = useState<number | null>(null);
  const onClick = () => {
    let last = 0;
    setCount(0);
    requestsAsCsv(filter, (now) => {
      last = now;
      setCount(now);
    })
      .then(
        (file) => {
          download(file, "octoporty-requests.csv");
          if (last >= MOST_IN_CSV) {
            toast(
              `Only the newest ${MOST_IN_CSV.toLocaleString("en-US")} requests: narrow the time for more`,
              "warn",
            );
          }
        },
        (error: unknown) => toast(`Not exported: ${messageOf(error)}`, "bad"),
      )
      .finally(() => setCount(null));
  };
  return (
    <Button icon={Download} busy={count !== null} onClick={onClick}>
      {count ? `Exporting ${count.toLocaleString("en-US")}…` : "Export CSV"}
    </Button>
  );
}
