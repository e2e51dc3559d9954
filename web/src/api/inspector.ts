import { bodyOf, client } from "./client";
import type { DiagnoseInput, Diagnosis } from "./model";

/** Asks a URL through the gateway and straight from the agent. Real requests are made. */
export function diagnose(body: DiagnoseInput): Promise<Diagnosis> {
  return bodyOf(client.POST("/api/v1/test/diagnose", { body }));
}
