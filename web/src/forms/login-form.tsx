import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { logIn } from "../api/auth";
import { messageOf, Problem, ServerAway } from "../api/problem";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { TextField } from "../ui/field";
import { countdown } from "../ui/format";
import { Notice } from "../ui/notice";

/** Why somebody is not in, each with its own message. */
export type Refusal =
  | { kind: "wrong" }
  | { kind: "locked"; until: number; seconds: number }
  | { kind: "away" }
  | { kind: "username" }
  | { kind: "other"; message: string };

export function refusalOf(error: unknown, now: number): Refusal {
  if (error instanceof ServerAway) return { kind: "away" };
  if (!(error instanceof Problem)) return { kind: "other", message: messageOf(error) };
  if (error.status === 429) {
    const seconds = error.retryAfter ?? 60;
    return { kind: "locked", until: now + seconds * 1_000, seconds };
  }
  if (error.status === 401) return { kind: "wrong" };
  if (error.status === 400 && error.fields["username"]) return { kind: "username" };
  if (error.status >= 502) return { kind: "away" };
  return { kind: "other", message: error.message };
}

export function LoginForm({ onDone }: { onDone: () => void }): ReactNode {
  const cache = useQueryClient();
  const [password, setPassword] = useState("");
  const [username, setUsername] = useState("");
  /** Only some consoles ask for a name; those say so when it is missing. */
  const [named, setNamed] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const now = useNow();
  const locked = refusal?.kind === "locked" && refusal.until > now;

  const login = useMutation({
    mutationFn: () => logIn(named ? { username, password } : { password }),
    onSuccess: () => {
      cache.clear();
      onDone();
    },
    onError: (error) => {
      const why = refusalOf(error, Date.now());
      setRefusal(why);
      if (why.kind === "username") setNamed(true);
      if (why.kind === "wrong") setPassword("");
      field.current?.focus();
    },
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!password || locked || login.isPending) return;
    setRefusal(null);
    login.mutate();
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      {named && (
        <TextField
          label="User name"
          value={username}
          onValue={setUsername}
          autoComplete="username"
          autoFocus
        />
      )}
      <TextField
        ref={field}
        label="Password"
        type="password"
        placeholder="Enter password"
        autoComplete="current-password"
        autoFocus={!named}
        value={password}
        onValue={setPassword}
        error={
          refusal?.kind === "wrong" ? (named ? "Wrong user name or password." : "Wrong password.") : undefined
        }
      />
      <RefusalNotice refusal={refusal} now={now} />
      <Button
        type="submit"
        variant="primary"
        busy={login.isPending}
        disabled={!password || locked}
        className="h-9 w-full"
      >
        {login.isPending ? "Logging in…" : "Log in"}
      </Button>
    </form>
  );
}

function RefusalNotice({ refusal, now }: { refusal: Refusal | null; now: number }): ReactNode {
  if (!refusal) return null;
  switch (refusal.kind) {
    case "wrong":
      return null;
    case "username":
      return <Notice tone="warn">This console asks for a user name as well.</Notice>;
    case "away":
      return (
        <Notice tone="bad" title="The console does not answer">
          See that the agent runs and that this device reaches it, then try again.
        </Notice>
      );
    case "other":
      return <Notice tone="bad">{refusal.message}</Notice>;
    case "locked":
      return refusal.until <= now ? (
        <Notice tone="warn">You can try again now.</Notice>
      ) : (
        <Notice tone="bad" title="Locked after too many failed attempts">
          Try again in{" "}
          <span className="figures font-medium text-ink">
            {countdown(Math.min(refusal.seconds, (refusal.until - now) / 1_000))}
          </span>
          . Each further lock is longer.
        </Notice>
      );
  }
}
