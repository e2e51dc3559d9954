import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { logOut } from "../api/auth";
import { messageOf } from "../api/problem";
import { toast } from "../ui/toast";

/** Ends the session at the server, forgets what this page knows and shows the login. */
export function useLogOut(): () => void {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return () => {
    logOut().then(
      async () => {
        await navigate({ to: "/login" });
        cache.clear();
      },
      (error: unknown) => toast(`Not logged out: ${messageOf(error)}`, "bad"),
    );
  };
}
