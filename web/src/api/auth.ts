import { queryOptions } from "@tanstack/react-query";
import { bodyOf, client, done } from "./client";

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/auth/me", { signal })),
  staleTime: 60_000,
});

export const capabilitiesQuery = queryOptions({
  queryKey: ["capabilities"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/capabilities", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

export async function logIn(credentials: { username?: string; password: string }): Promise<void> {
  await bodyOf(client.POST("/api/v1/auth/login", { body: credentials }));
}

export async function logOut(): Promise<void> {
  await done(client.POST("/api/v1/auth/logout"));
}
