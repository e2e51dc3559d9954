import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { LoginForm } from "../forms/login-form";
import { Mark } from "../ui/mark";

export function Login(): ReactNode {
  const { next } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  useEffect(() => {
    document.title = "Log in · Octoporty";
  }, []);
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-[21rem] flex-col justify-center px-4 pb-[12vh]">
      <div className="mb-7 flex items-center gap-3">
        <span className="text-accent">
          <Mark size={36} />
        </span>
        <div>
          <h1 className="text-xl leading-6 font-semibold tracking-tight">Octoporty</h1>
          <p className="text-sm text-muted">Console of the agent</p>
        </div>
      </div>
      <LoginForm onDone={() => void navigate({ to: next ?? "/", replace: true })} />
    </main>
  );
}
